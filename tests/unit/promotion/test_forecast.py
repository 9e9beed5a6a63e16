"""What could be promoted, what is in its way, and promotions that move by themselves."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fleet.model.advance import Advances, Step
from fleet.model.gate import Verdict
from fleet.operations.advance import advance
from fleet.operations.forecast import forecast, why
from tests.helpers.promoting import Team, make_team

IMAGE = {"web": "registry.example/web:2.0.0"}


def advanced(team: Team, by: str = "Ada") -> Advances:
    with team.desk(by) as desk:
        return advance(desk)


def steps(report: Advances) -> list[tuple[str, str, Step]]:
    return [(one.app, one.environment, one.step) for one in report.advances]


@pytest.fixture
def auto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    team = make_team(tmp_path, monkeypatch, apps=("api", "web"))
    path = "environments/staging/environment.yaml"
    team.write({path: team.read(path) + "policy: {merge: auto}\n"})
    return team


def test_a_fleet_whose_environments_agree_has_nothing_to_promote(team: Team) -> None:
    with team.desk() as desk:
        assert forecast(desk).outlooks == ()
        outlook = why(desk, "web", "prod")
    assert outlook.nothing_to_do


def test_what_waits_for_health_says_so_and_then_may_be_opened_and_then_merged(team: Team) -> None:
    team.release(version="2.0.0", images=IMAGE)
    with team.desk() as desk:
        (waiting,) = forecast(desk).outlooks
    assert (waiting.app, waiting.environment, waiting.source) == ("web", "staging", "dev")
    assert [gate.name for gate in waiting.held_by] == ["health(dev)"]
    assert (waiting.verdict, waiting.earliest, waiting.pull_request) == (Verdict.PENDING, None, None)
    team.reconcile("dev")
    with team.desk() as desk:
        assert why(desk, "web", "staging").held_by == ()
    (opened,) = team.promote("staging")
    with team.desk() as desk:
        outlook = why(desk, "web", "staging")
    assert (outlook.pull_request, outlook.held_by) == (opened.pull_request, ())
    assert {"health(dev)", "plan(staging)", "mergeable"} <= {gate.name for gate in outlook.gates}


def test_the_commands_tell_it_and_exit_with_4_while_a_gate_holds(team: Team) -> None:
    team.release(version="2.0.0", images=IMAGE)
    plan = team.fleet("plan")
    assert (plan.returncode, "waits" in plan.stdout, "health(dev)" in plan.stdout) == (0, True, True)
    held = team.fleet("why", "web", "--env", "staging")
    assert held.returncode == 4
    assert "opening the pull request is held by health(dev)" in held.stdout
    assert "next: fleet reconcile -e dev -a web" in held.stderr
    bad = team.fleet("plan", "--at", "tomorrow")
    assert (bad.returncode, "is not a time" in bad.stderr) == (2, True)


def test_promotions_of_automatic_environments_move_one_step_each_time(auto: Team) -> None:
    auto.release("web", version="2.0.0", images=IMAGE)
    report = advanced(auto)
    assert (report.automatic, steps(report)) == (("staging",), [("web", "staging", Step.WAITING)])
    assert [gate.name for gate in report.advances[0].held_by] == ["health(dev)"]
    auto.reconcile("dev")
    assert steps(advanced(auto)) == [("web", "staging", Step.MERGED)]
    assert "version: 2.0.0" in auto.pin("staging")
    assert "version: 1.0.0" in auto.pin("prod")
    assert steps(advanced(auto)) == []


def test_a_dry_run_opens_nothing(auto: Team) -> None:
    auto.release("web", version="2.0.0", images=IMAGE)
    auto.reconcile("dev")
    ended = auto.fleet("promotions", "advance", "--dry-run")
    assert (ended.returncode, ended.stdout.startswith("web 2.0.0")) == (0, True)
    assert auto.pull_requests() == ()


def test_gates_of_the_merge_leave_the_pull_request_open(auto: Team) -> None:
    path = "environments/staging/environment.yaml"
    auto.write({path: auto.read(path).replace("merge: auto", "merge: auto, approvals: 1")})
    auto.release("web", version="2.0.0", images=IMAGE)
    auto.reconcile("dev")
    (one,) = advanced(auto).advances
    assert (one.step, [gate.kind for gate in one.held_by]) == (Step.WAITING, ["approvals"])
    again = advanced(auto).advances[0]
    assert (again.pull_request, len(auto.pull_requests())) == (one.pull_request, 1)


def test_several_at_once_do_it_once(auto: Team) -> None:
    for app in auto.apps:
        auto.release(app, version="2.0.0", images=IMAGE)
    auto.reconcile("dev")
    reports: list[Advances] = []
    workers = [threading.Thread(target=lambda who=who: reports.append(advanced(auto, who))) for who in ("Ada", "Bob")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert len(reports) == 2
    assert all(report.ok for report in reports), reports
    final = advanced(auto)
    assert final.ok
    assert all("version: 2.0.0" in auto.pin("staging", app) for app in auto.apps)
    assert auto.pull_requests() == ()
    kinds = [entry.kind.value for entry in auto.history(environment="staging") if entry.after and entry.before]
    assert kinds == ["promotion", "promotion"]
