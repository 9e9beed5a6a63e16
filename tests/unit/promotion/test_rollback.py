"""Rollbacks, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleet.errors import FleetError, UsageError
from fleet.model.promotion import PromotionKind, PromotionOutcome
from fleet.model.restriction import Rejection, Restrictions
from fleet.operations.rollback import prepare
from tests.helpers.git import git
from tests.helpers.promoting import Team, only, pin_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def promoted(team: Team, *images: str) -> list[str]:
    """Bring releases through dev to staging; return the pin of staging after each."""
    pins = []
    for image in images:
        team.release(images={"web": image}, bump="minor")
        team.reconcile("dev")
        (result,) = team.promote("staging")
        assert result.pull_request is not None
        team.merge(result.pull_request)
        pins.append(team.pin("staging"))
    return pins


def test_a_rollback_restores_the_pin_byte_for_byte(team: Team) -> None:
    start = team.pin("staging")
    (one,) = promoted(team, "a:1")
    assert one != start
    result = team.rollback("staging")
    assert (result.outcome, result.pull_request) == (PromotionOutcome.OPENED, 2)
    assert team.pull_requests()[0].title == "Roll back web to 1.0.0 in staging"
    assert "Fleet-Kind: rollback" in team.message("fleet/rollback/staging/web")
    team.merge(2)
    assert team.pin("staging") == start
    assert team.history(environment="staging")[0].kind is PromotionKind.ROLLBACK


def test_what_people_changed_meanwhile_outside_of_the_release_block_stays(team: Team) -> None:
    promoted(team, "a:1")
    team.write({"environments/staging/apps/web.yaml": team.pin("staging") + "values: {replicas: 7} # more\n"})
    start = pin_text(team.first)
    team.rollback("staging")
    assert team.pin("staging", revision="fleet/rollback/staging/web") == start + "values: {replicas: 7} # more\n"


def test_going_back_twice_goes_further_back(team: Team) -> None:
    promoted(team, "a:1", "a:2")
    team.rollback("staging")
    team.merge(3)
    assert "version: 1.1.0" in team.pin("staging")
    team.rollback("staging")
    team.merge(4)
    assert "version: 1.0.0" in team.pin("staging")
    with pytest.raises(FleetError, match="had no earlier release in `staging`"):
        team.rollback("staging")


@pytest.mark.parametrize("how", ["version", "commit", "revision"])
def test_going_back_to_a_named_release(team: Team, how: str) -> None:
    promoted(team, "a:1", "a:2")
    entry = team.history(environment="staging")[-1]
    assert entry.after is not None
    to = {"version": "1.0.0", "commit": entry.id, "revision": entry.after.revision}[how]
    result = team.rollback("staging", to)
    assert result.plan is not None
    wanted = "1.0.0" if how != "revision" else "1.2.0"  # all three are of one revision; the newest is what is there
    assert result.plan.after.version == wanted


def test_how_far_it_goes_is_told_in_absolute_times(team: Team) -> None:
    promoted(team, "a:1", "a:2")
    result = team.rollback("staging", "1.0.0")
    assert result.plan is not None
    assert result.plan.distance.startswith("2 changes back: what was there from 20")


def test_a_release_that_was_never_there(team: Team) -> None:
    with pytest.raises(UsageError, match=r"never had a release `9\.9\.9` in `staging`") as caught:
        team.rollback("staging", "9.9.9")
    assert caught.value.hints[0] == "it had `1.0.0`"


def test_the_present_release_is_nothing_to_do(team: Team) -> None:
    assert team.rollback("staging", "1.0.0").outcome is PromotionOutcome.NOTHING


def test_health_does_not_hold_a_rollback_and_approvals_do(team: Team) -> None:
    promoted(team, "a:1")
    team.reconcile("staging")
    (result,) = team.promote("prod")
    git(team.origin, "update-ref", "refs/heads/main", result.commit or "")
    for cluster in ("prod-eu", "prod-us"):
        team.clusters.store(cluster, unreachable=True)
    back = team.rollback("prod")
    assert back.outcome is PromotionOutcome.OPENED
    assert back.plan is not None
    assert [(g.name, g.verdict.value) for g in back.plan.gates] == [("approvals(prod)", "pending")]


def test_doing_it_again_changes_nothing(team: Team) -> None:
    promoted(team, "a:1")
    first = team.rollback("staging")
    again = team.rollback("staging", by="Bob")
    assert (again.outcome, again.commit) == (PromotionOutcome.UNCHANGED, first.commit)


def test_a_broken_present_release_does_not_hold_a_rollback(team: Team) -> None:
    broken = team.write({"apps/web/templates/more.yaml.j2": "broken\n"})
    team.write({"environments/staging/apps/web.yaml": pin_text(broken, "2.0.0")})
    result = team.rollback("staging")
    assert result.outcome is PromotionOutcome.OPENED
    assert result.plan is not None
    assert "cannot be rendered for `staging`" in result.plan.warnings[0]
    assert result.plan.backwards


def test_names_that_are_not_there(team: Team) -> None:
    with pytest.raises(UsageError, match="there is no environment `moon`"):
        team.rollback("moon")
    with pytest.raises(UsageError, match="there is no app `wob`"):
        team.rollback("dev", app="wob")


def test_a_rejected_release_is_passed_over_and_that_is_told(team: Team) -> None:
    promoted(team, "a:1", "a:2")
    line = [entry.after for entry in team.history(environment="staging")]
    assert line[1] is not None

    class Rejecting:
        def read(self) -> Restrictions:
            bad = line[1]
            assert bad is not None
            one = Rejection(
                app="web", version=bad.version, revision=bad.revision, owner="Bob", reason="it leaks", created=NOW
            )
            return Restrictions(rejections=(one,))

    with team.people["Ada"].services() as services:
        services["senses"] = replace(services["senses"], restrictions=Rejecting())
        prepared = prepare("web", "staging", **only(services, prepare))
    plan = prepared.planned.plan
    assert plan is not None
    assert plan.after.version == "1.0.0"
    assert f"{line[1].short} is passed over: it was rejected: it leaks" in plan.distance
