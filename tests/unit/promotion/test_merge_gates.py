"""A pull request that changes a release is judged again when it merges, by its content, whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import BlockedError
from fleet.model.gate import GateResult, Verdict
from fleet.operations.pull_requests import review_pull_request
from tests.helpers.promoting import Team, only

PIN = "environments/staging/apps/web.yaml"
UNSEEN = "release:\n  version: 9.9.9\n  revision: {}\n  images: {{web: registry.example/web:9.9.9}}\n"
ENVIRONMENT = "environments/{}/environment.yaml"


def gates(team: Team, number: int) -> dict[str, GateResult]:
    with team.people["Bob"].services() as services:
        review = review_pull_request(number, **only(services, review_pull_request))
        return {gate.name: gate for gate in review.gates}


def open_to_staging(team: Team, version: str = "2.0.0", **request: Any) -> int:
    team.release(version=version, **request)
    team.reconcile("dev")
    (result,) = team.promote("staging")
    assert result.pull_request, result
    return result.pull_request


def by_hand(team: Team, environment: str, content: str) -> int:
    """Open a pull request whose branch Ada pushed by hand; return its number."""
    from fleet.model.pull_request import PullRequestDraft
    from tests.helpers.git import push_file

    path = f"environments/{environment}/apps/web.yaml"
    head = push_file(team.people["Ada"].root, "by-hand", path, content, "Move it by hand")
    with team.people["Ada"].services() as services:
        services["repository"].fetch()
        draft = PullRequestDraft(title="By hand", body="", branch="by-hand", base_branch="main", head=head)
        return int(services["forge"].open(draft).number)


def test_what_was_proposed_and_is_still_so_passes(team: Team) -> None:
    number = open_to_staging(team)
    found = gates(team, number)
    assert found["health(dev)"].verdict is Verdict.PASSED
    assert all(gate.passes for gate in found.values())
    team.merge(number)
    assert "version: 2.0.0" in team.pin("staging")


def test_a_source_that_fell_ill_after_the_pull_request_was_opened_holds_the_merge(team: Team) -> None:
    number = open_to_staging(team)
    team.reconcile("dev", unready=["web"])
    with pytest.raises(BlockedError, match=r"health\(dev\)"):
        team.merge(number)


def test_a_pin_changed_by_hand_is_a_promotion_all_the_same(team: Team) -> None:
    number = by_hand(team, "staging", UNSEEN.format(team.first))
    assert gates(team, number)["health(dev)"].verdict is not Verdict.PASSED
    with pytest.raises(BlockedError, match=r"health\(dev\)"):
        team.merge(number)


def test_a_rollback_by_trailer_alone_is_not_believed(team: Team) -> None:
    from fleet.model.pull_request import PullRequestDraft
    from tests.helpers.git import push_file

    message = "Roll back\n\nFleet-Kind: rollback\nFleet-App: web\nFleet-To: staging"
    head = push_file(team.people["Ada"].root, "lie", PIN, UNSEEN.format(team.first), message)
    with team.people["Ada"].services() as services:
        services["repository"].fetch()
        draft = PullRequestDraft(title="Lie", body="", branch="lie", base_branch="main", head=head)
        number = services["forge"].open(draft).number
    assert gates(team, number)["health(dev)"].verdict is not Verdict.PASSED


def test_values_of_an_environment_are_no_promotion(team: Team) -> None:
    number = by_hand(team, "staging", team.pin("staging") + "values: {replicas: 5}\n")
    assert "health(dev)" not in gates(team, number)
    team.merge(number)


def test_an_unrelated_change_does_not_touch_the_plan(team: Team) -> None:
    number = open_to_staging(team)
    path = ENVIRONMENT.format("prod")
    team.write({path: team.read(path) + "description: customers\n"})
    assert gates(team, number)["plan(staging)"].reason == "as proposed"
    team.merge(number)


def test_another_value_that_changes_no_outcome_in_kind_keeps_the_approval(team: Team) -> None:
    number = open_to_staging(team)
    path = ENVIRONMENT.format("staging")
    team.write({path: team.read(path) + "values: {replicas: 4}\n"})
    team.reconcile("dev")
    found = gates(team, number)["plan(staging)"]
    assert (found.verdict, "same in kind" in found.reason) == (Verdict.PASSED, True)
    team.merge(number)


def test_an_outcome_that_changes_in_kind_is_refused_and_the_promotion_proposes_it_anew(team: Team) -> None:
    number = open_to_staging(team)
    path = ENVIRONMENT.format("staging")
    wider = team.read(path).replace("names: [staging]", "names: [staging, second]")
    team.write({"clusters/second.yaml": "access: {context: second}\n", path: wider})
    found = gates(team, number)["plan(staging)"]
    assert (found.verdict, "`second` is concerned too" in found.reason) == (Verdict.PENDING, True)
    with pytest.raises(BlockedError, match="concerned too"):
        team.merge(number)
    (again,) = team.promote("staging")
    assert again.pull_request == number
    assert gates(team, number)["plan(staging)"].verdict is Verdict.PASSED


def test_an_override_is_recorded_and_counts_at_the_merge(team: Team) -> None:
    team.write({"fleet.yaml": "name: shop\nroles: {leads: [ada@example.com]}\n"})
    path = ENVIRONMENT.format("staging")
    team.write({path: team.read(path) + "policy: {overrides: {roles: [leads]}}\n"})
    team.release(version="2.0.0", images={"web": "registry.example/web:2.0.0"})
    blocked = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert blocked.returncode == 4
    denied = team.fleet(
        "promote", "web", "--to", "staging", "--yes", "--override", "health", "--reason", "known", by="Bob"
    )
    assert (denied.returncode, "does not let Bob" in denied.stderr) == (1, True)
    opened = team.fleet("promote", "web", "--to", "staging", "--yes", "--override", "health", "--reason", "known flake")
    assert opened.returncode == 0, opened.stderr
    assert "overridden by Ada" in opened.stdout
    (request,) = team.pull_requests()
    assert "Fleet-Override: health by Ada <ada@example.com>: known flake" in team.message(request.head)
    assert "**overridden** by" in request.body
    team.merge(request.number)
    assert "version: 2.0.0" in team.pin("staging")


def test_an_override_needs_a_reason_and_a_gate_that_is_there(team: Team) -> None:
    none = team.fleet("promote", "web", "--to", "staging", "--override", "health")
    assert (none.returncode, "needs a reason" in none.stderr) == (2, True)
    team.release(version="2.0.0")
    unknown = team.fleet("promote", "web", "--to", "staging", "--yes", "--override", "helath", "--reason", "x")
    assert (unknown.returncode, "there is no gate `helath`" in unknown.stderr) == (1, True)
