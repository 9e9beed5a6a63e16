"""What a rollback does beside itself: hold the app, reject the release; and that no crash leaves half of it."""

from __future__ import annotations

import signal

import pytest

from fleet.adapters.restrictions.documents import REF
from fleet.failpoints import NAMES
from fleet.model.promotion import PromotionOutcome
from fleet.model.pull_request import PullRequestState
from fleet.model.restriction import Restrictions
from fleet.operations import rollback as going_back
from tests.helpers.git import git
from tests.helpers.promoting import Team, only


@pytest.fixture
def proposed(team: Team) -> Team:
    """1.1.0 is in dev, and proposed to staging."""
    team.release(version="1.1.0", images={"web": "a:1"})
    team.reconcile("dev")
    team.promote("staging")
    return team


def restrictions(team: Team) -> Restrictions:
    with team.people["Bob"].services() as services:
        found: Restrictions = services["restrictions"].read()
        return found


def test_a_rollback_holds_the_app(proposed: Team) -> None:
    result = proposed.rollback("dev")
    assert result.outcome is PromotionOutcome.OPENED
    (held,) = restrictions(proposed).holds
    assert result.hold == held
    assert (held.app, held.environment, held.owner) == ("web", "dev", "Ada <ada@example.com>")
    assert held.reason == "rolled back from 1.1.0 to 1.0.0"
    again = proposed.rollback("dev")
    assert (again.outcome, again.hold) == (PromotionOutcome.UNCHANGED, held)


def test_the_hold_of_a_person_stays(proposed: Team) -> None:
    proposed.fleet("hold", "web", "-e", "dev", "--reason", "wait for legal", by="Bob")
    result = proposed.rollback("dev")
    assert result.hold is not None
    assert (result.hold.owner, result.hold.reason) == ("Bob <bob@example.com>", "wait for legal")


def test_a_rollback_that_is_not_opened_holds_nothing(proposed: Team) -> None:
    proposed.fleet("lock", "-e", "dev", "--reason", "frozen")
    assert proposed.rollback("dev").outcome is PromotionOutcome.BLOCKED
    assert proposed.rollback("dev", "1.1.0").outcome is PromotionOutcome.NOTHING
    assert restrictions(proposed).holds == ()


def test_the_hold_outlives_the_rollback_and_then_is_released(proposed: Team) -> None:
    result = proposed.rollback("dev")
    assert result.pull_request is not None
    proposed.merge(result.pull_request)
    held = proposed.fleet("release", "web", "--version", "1.2.0", "--image", "web=a:2", "--yes")
    assert held.returncode == 4
    assert "hint: fleet release-hold web -e dev\n" in held.stderr
    proposed.fleet("release-hold", "web", "-e", "dev")
    assert proposed.fleet("release", "web", "--version", "1.2.0", "--image", "web=a:2", "--yes").returncode == 0


def test_only_what_brings_the_rejected_release_is_withdrawn(proposed: Team) -> None:
    first = proposed.history(environment="staging")[-1]
    assert first.after is not None
    by_hand = proposed.pin("dev")
    proposed.write({"environments/prod/apps/web.yaml": by_hand}, "by hand", branch="mine")
    head = proposed.head("mine")
    with proposed.people["Bob"].services() as services:
        from fleet.model.pull_request import PullRequestDraft

        services["repository"].fetch()
        for branch in ("mine", "other"):
            if branch == "other":
                proposed.write({"README.md": "no pin\n"}, "docs", branch="other")
                services["repository"].fetch()
            head = proposed.head(branch)
            services["forge"].open(
                PullRequestDraft(title=branch, body="", branch=branch, base_branch="main", head=head)
            )
    with proposed.people["Ada"].services() as services:
        prepared = going_back.prepare("web", "dev", **only(services, going_back.prepare))
        result = going_back.execute(
            prepared, going_back.Aftercare(reject=True, reason="loses orders"), **only(services, going_back.execute)
        )
    assert sorted(result.withdrawn) == [1, 2]  # the promotion, and the one that somebody wrote by hand
    assert sorted(r.title for r in proposed.pull_requests()) == ["Roll back web to 1.0.0 in dev", "other"]


KILLS = [
    *(f"{name}:{n}" for name in sorted(NAMES) if name.startswith(("restrictions.", "forge.")) for n in (1, 2)),
    *(name for name in sorted(NAMES) if name.startswith("promote.") and not name.endswith("-comment")),
]


@pytest.mark.parametrize("point", KILLS)
def test_a_rollback_that_is_killed_converges_when_it_is_run_again(proposed: Team, point: str) -> None:
    arguments = ("rollback", "web", "--env", "dev", "--reject", "--reason", "loses orders", "--yes")
    killed = proposed.fleet(*arguments, FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = proposed.fleet(*arguments)
    assert again.returncode == 0, again.stderr
    found = restrictions(proposed)
    assert [(h.app, h.environment, h.reason) for h in found.holds] == [("web", "dev", "loses orders")]
    assert [(r.app, r.version, r.reason) for r in found.rejections] == [("web", "1.1.0", "loses orders")]
    assert git(proposed.origin, "rev-list", "--count", REF) == "2"
    with proposed.people["Bob"].services() as services:
        requests = services["forge"].list(None)
    assert [(r.number, r.state) for r in requests] == [(2, PullRequestState.OPEN), (1, PullRequestState.CLOSED)]
    assert requests[0].title == "Roll back web to 1.0.0 in dev"
    assert [c.text.endswith("loses orders") for c in requests[1].comments] == [True]


@pytest.mark.parametrize(
    "point", [f"{name}:1" for name in sorted(NAMES) if name.startswith(("restrictions.", "forge."))]
)
def test_a_rejection_that_is_killed_converges_when_it_is_run_again(proposed: Team, point: str) -> None:
    arguments = ("reject", "web@1.1.0", "--reason", "loses orders", "--yes")
    killed = proposed.fleet(*arguments, FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = proposed.fleet(*arguments)
    assert again.returncode == 0, again.stderr
    assert [r.reason for r in restrictions(proposed).rejections] == ["loses orders"]
    assert git(proposed.origin, "rev-list", "--count", REF) == "1"
    assert proposed.pull_requests() == ()
