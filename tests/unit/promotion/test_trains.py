"""Trains: all apps that may move, as one pull request with one verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.model.advance import Step
from fleet.model.promotion import PromotionOutcome, PromotionResult
from fleet.operations import promote
from fleet.operations.advance import advance
from fleet.operations.common.deciding import Wishes
from fleet.operations.forecast import why
from tests.helpers.promoting import Team, make_team, only

APPS = ("api", "shop", "web")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Three apps; `web` depends on `api`."""
    team = make_team(tmp_path, monkeypatch, apps=APPS)
    path = "apps/web/app.yaml"
    team.write({path: team.read(path) + "dependsOn: [api]\n"})
    return team


def released(team: Team, *apps: str, version: str = "2.0.0") -> None:
    for app in apps:
        team.release(app, version=version, images={"web": f"registry.example/{app}:{version}"})


def train(team: Team, by: str = "Ada", to: str = "staging") -> dict[str, PromotionResult]:
    with team.people[by].services() as services:
        prepared = promote.prepare((), to, None, Wishes(together=True), **only(services, promote.prepare))
        return {r.app: r for r in promote.execute(prepared, **only(services, promote.execute))}


def live(team: Team, *apps: str) -> None:
    """Let only these apps of dev be as git says."""
    _, states = team.desired()
    objects = [m for t, s in states.items() if t.environment == "dev" and t.app in apps for m in s.objects]
    team.clusters.store("dev", objects)


def test_all_that_may_move_move_as_one_pull_request_a_commit_for_each(team: Team) -> None:
    released(team, *APPS)
    team.reconcile("dev")
    results = train(team)
    assert {r.outcome for r in results.values()} == {PromotionOutcome.OPENED}
    (request,) = team.pull_requests()
    assert request.title == "Promote api, shop and web to staging"
    assert request.branch == "fleet/train/staging"
    assert "| `api` | `1.0.0 (" in request.body
    team.merge(request.number)
    assert all("version: 2.0.0" in team.pin("staging", app) for app in APPS)
    for app in APPS:
        (entry, *_) = team.history(environment="staging", app=app)
        assert (entry.kind.value, entry.source, entry.pull_request) == ("promotion", "dev", request.number)
        assert entry.subject == f"Promote {app} 2.0.0 to staging"


def test_running_it_again_changes_nothing_and_a_newer_release_updates_it_in_place(team: Team) -> None:
    released(team, "shop", "api")
    team.reconcile("dev")
    first = train(team)["shop"]
    again = train(team, by="Bob")["shop"]
    assert (again.outcome, again.commit) == (PromotionOutcome.UNCHANGED, first.commit)
    released(team, "shop", version="2.1.0")
    team.reconcile("dev")
    newer = train(team)["shop"]
    assert (newer.outcome, newer.pull_request) == (PromotionOutcome.UPDATED, first.pull_request)
    assert len(team.pull_requests()) == 1


def test_what_cannot_move_is_left_behind_with_what_depends_on_it(team: Team) -> None:
    released(team, *APPS)
    live(team, "shop", "web")
    results = train(team)
    assert results["shop"].outcome is PromotionOutcome.OPENED
    assert results["api"].outcome is PromotionOutcome.BLOCKED
    assert results["web"].outcome is PromotionOutcome.BLOCKED
    error = results["web"].error
    assert error is not None
    assert "depends on `api`, which cannot move" in error.message
    (request,) = team.pull_requests()
    assert request.title == "Promote shop to staging"


def test_pull_requests_of_single_apps_are_superseded_and_none_is_opened_beside_a_train(team: Team) -> None:
    released(team, "shop", "api")
    team.reconcile("dev")
    (alone,) = team.promote("staging", "shop")
    opened = train(team)["shop"]
    (request,) = team.pull_requests()
    assert (request.number, request.branch) == (opened.pull_request, "fleet/train/staging")
    with team.people["Bob"].services() as services:
        closed = services["forge"].get(alone.pull_request)
    assert (closed.state.value, f"Superseded by #{request.number}" in closed.comments[-1].text) == ("closed", True)
    (refused,) = team.promote("staging", "shop")
    assert refused.outcome is PromotionOutcome.BLOCKED
    assert refused.error is not None
    assert f"in pull request #{request.number}" in refused.error.message


def test_an_app_of_a_train_may_need_what_comes_with_it(team: Team) -> None:
    path = "apps/{}/app.yaml"
    team.write({path.format("api"): team.read(path.format("api")) + "provides: {apis: {orders: 2.0.0}}\n"})
    team.write({path.format("web"): team.read(path.format("web")) + 'requires: {apis: {orders: ">=2.0"}}\n'})
    released(team, "api", "web")
    team.reconcile("dev")
    (alone,) = team.promote("staging", "web")
    assert alone.outcome is PromotionOutcome.BLOCKED
    assert train(team)["web"].outcome is PromotionOutcome.OPENED
    (request,) = team.pull_requests()
    team.merge(request.number)
    assert "version: 2.0.0" in team.pin("staging", "web")


def test_where_the_policy_says_train_nothing_moves_alone_and_advance_moves_all(team: Team) -> None:
    path = "environments/staging/environment.yaml"
    team.write({path: team.read(path) + "policy: {queue: train, merge: auto}\n"})
    released(team, "shop", "api")
    team.reconcile("dev")
    (alone,) = team.promote("staging", "shop")
    assert alone.error is not None
    assert "together" in alone.error.message
    with team.desk() as desk:
        assert why(desk, "shop", "staging").held_by == ()
        report = advance(desk)
    assert {(one.app, one.step) for one in report.advances} == {("api", Step.MERGED), ("shop", Step.MERGED)}
    assert "version: 2.0.0" in team.pin("staging", "shop")


def test_the_command_line(team: Team) -> None:
    neither = team.fleet("promote", "--to", "staging")
    assert (neither.returncode, "name apps, or say `--all`" in neither.stderr) == (2, True)
    nothing = team.fleet("promote", "--all", "--to", "staging", "--yes")
    assert (nothing.returncode, nothing.stdout) == (0, "nothing to promote\n")
    released(team, "shop", "api")
    team.reconcile("dev")
    opened = team.fleet("promote", "--all", "--from", "dev", "--to", "staging", "--yes")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.count("opened #1") == 2


@pytest.mark.parametrize("point", ["train.before-pull-request", "train.after-pull-request", "train.after-closing"])
def test_a_train_that_is_killed_is_completed_by_the_same_command(team: Team, point: str) -> None:
    released(team, "shop", "api")
    team.reconcile("dev")
    team.promote("staging", "shop")
    command = ("promote", "--all", "--to", "staging", "--yes")
    killed = team.fleet(*command, FLEET_FAILPOINT=point)
    assert killed.returncode == -9, killed.stderr
    assert team.fleet(*command).returncode == 0
    (request,) = team.pull_requests()
    assert request.branch == "fleet/train/staging"
    team.merge(request.number)
    assert all("version: 2.0.0" in team.pin("staging", app) for app in ("api", "shop"))


def test_the_decision_of_a_train_can_be_replayed(team: Team) -> None:
    path = "environments/staging/environment.yaml"
    team.write({path: team.read(path) + "policy: {queue: train}\n"})
    released(team, "shop", "api")
    team.reconcile("dev")
    opened = train(team)["shop"]
    replayed = team.fleet("replay", str(opened.pull_request))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
