"""`fleet promote` as people use it: whole invocations on a real origin; clusters and renderer are in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.promoting import Team, make_team, snapshot

IMAGE = "registry.example/web:1.1.0"

PLAN = """\
Promote dev -> staging (1 cluster)

APP  NOW              BECOMES          OBJECTS    RISK
web  1.0.0 (COMMIT)  1.1.0 (COMMIT)  2 changed  restarts pods (1 object)

staging (1 of 1 cluster): 2 changed
  changed  Deployment/web/web  (restarts pods)
      spec.template.spec.containers[name=app].image: registry.example/web:1.0.0 → registry.example/web:1.1.0
  changed  ConfigMap/web/settings
      data.images: "{\\"web\\": \\"registry.example/web:1.0.0\\"}" → "{\\"web\\": \\"registry.example/web:1.1.0\\"}"

"""
PASSED = """\
[passed] health(dev): healthy at 1.1.0 (COMMIT) on 1 cluster
[passed] approvals(staging): none needed

"""
NEXT = "--- stderr\n→ next: fleet pr merge 1, then fleet reconcile -e staging\n"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", images={"web": IMAGE})
    return made


def test_a_release_that_is_not_live_yet_is_blocked_with_a_hint(team: Team) -> None:
    reason = "health(dev): dev: 1.1.0 (COMMIT) is not live yet: `ConfigMap/web/settings` is not of this release"
    for flag in ("--yes", "--dry-run"):
        assert snapshot(team, "promote", "web", "--to", "staging", flag) == (
            f"exit 4\n--- stdout\n{PLAN}[pending] {reason}\n[passed] approvals(staging): none needed\n"
            f"--- stderr\nblocked: web: {reason}\nhint: fleet reconcile -e dev -a web\n"
        )


def test_dry_run_then_open_then_up_to_date_then_nothing(team: Team) -> None:
    team.reconcile("dev")
    arguments = ("promote", "web", "--to", "staging")
    would = f"exit 0\n--- stdout\n{PLAN}{PASSED}would open a pull request: Promote web 1.1.0 to staging\n"
    assert snapshot(team, *arguments, "--dry-run") == would
    assert list(team.pull_requests()) == []
    opened = f"exit 0\n--- stdout\n{PLAN}{PASSED}opened #1 Promote web 1.1.0 to staging\n{NEXT}"
    assert snapshot(team, *arguments, "--yes") == opened
    same = f"exit 0\n--- stdout\n{PLAN}{PASSED}#1 Promote web 1.1.0 to staging is up to date\n{NEXT}"
    assert snapshot(team, *arguments, "--yes", by="Bob") == same
    team.merge(1)
    nothing = "exit 0\n--- stdout\nnothing to promote: staging has web 1.1.0 (COMMIT) already\n"
    assert snapshot(team, *arguments, "--yes") == nothing


def test_without_a_terminal_the_flag_is_named_and_nothing_is_written(team: Team) -> None:
    team.reconcile("dev")
    ended = team.fleet("promote", "web", "--to", "staging")
    assert ended.returncode == 2
    assert "Open a pull request to promote `web` to `staging`? needs an answer" in ended.stderr
    assert "hint: add `--yes`" in ended.stderr
    assert team.branches() == ["main"]


def test_approvals_are_the_next_step_where_they_are_needed(team: Team) -> None:
    team.reconcile("dev")
    team.promote("staging")
    team.merge(1)
    team.reconcile("staging")
    ended = team.fleet("promote", "web", "--to", "prod", "--yes")
    assert "[pending] approvals(prod): 1 approval by somebody else than the author, before the merge" in ended.stdout
    assert "prod-eu, prod-us (2 of 2 clusters): 2 changed" in ended.stdout
    assert ended.stderr == "→ next: fleet pr approve 2 (somebody else), then fleet pr merge 2\n"


def test_json_is_the_plan_and_nothing_else(team: Team) -> None:
    team.reconcile("dev")
    ended = team.fleet("promote", "web", "--to", "staging", "--yes", "-o", "json")
    assert (ended.returncode, ended.stderr) == (0, "")
    document = json.loads(ended.stdout)
    (result,) = document["data"]["results"]
    assert (document["schema"], document["ok"], document["errors"]) == ("fleet.promote/v1", True, [])
    assert (result["outcome"], result["pullRequest"]) == ("opened", 1)
    assert result["commit"] == team.head("fleet/promote/staging/web")
    assert result["plan"]["after"]["images"] == {"web": IMAGE}
    assert [gate["verdict"] for gate in result["plan"]["gates"]] == ["passed", "passed"]


def test_a_blocked_one_is_not_ok_in_json(team: Team) -> None:
    ended = team.fleet("promote", "web", "--to", "staging", "--yes", "-o", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr, document["ok"]) == (4, "", False)
    assert document["data"]["results"][0]["outcome"] == "blocked"
    assert document["errors"][0]["code"] == "FLT-GAT-002"


def test_several_apps_and_one_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    team = make_team(tmp_path, monkeypatch, ("api", "web"))
    team.release("api", version="2.0.0")
    team.reconcile("dev")
    ended = team.fleet("promote", "api", "wob", "web", "--to", "staging", "--yes")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-2:] == [
        "opened #1 Promote api 2.0.0 to staging",
        f"nothing to promote: staging has web 1.0.0 ({team.first[:7]}) already",
    ]
    assert "error[FLT-USE-010]: there is no app `wob`\n\nhint: did you mean `web`?\n" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("web", "--to", "prdo"),
            "error[FLT-USE-010]: there is no environment `prdo`\n\nhint: did you mean `prod`?\n",
        ),
        (
            ("web", "--to", "dev"),
            "error[FLT-PRM-004]: `dev` is the first environment of its pipeline: nothing is promoted into it\n\n"
            "hint: fleet release web -e dev\n",
        ),
        (
            ("web", "--to", "prod", "--from", "dev"),
            "error[FLT-PRM-005]: releases come to `prod` from `staging`, not from `dev`\n\n"
            "hint: promote step by step: `fleet promote web --to staging`\n"
            "hint: to pass over an environment on record: `--skip-order --reason TEXT`\n",
        ),
        (("wob", "--to", "prod"), "error[FLT-USE-010]: there is no app `wob`\n\nhint: did you mean `web`?\n"),
    ],
)
def test_usage_errors_say_what_was_meant(team: Team, arguments: tuple[str, ...], expected: str) -> None:
    assert snapshot(team, "promote", *arguments, "--yes") == f"exit 2\n--- stderr\n{expected}"


def test_an_unreachable_remote_is_exit_5(team: Team) -> None:
    team.origin.rename(team.directory / "gone.git")
    ended = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert ended.returncode == 5
    assert "cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_soak_is_waited_for(team: Team) -> None:
    from datetime import UTC, datetime, timedelta

    environment = "environments/dev/environment.yaml"
    team.write({environment: team.read(environment).replace("{releases: direct}", "{releases: direct, soak: 1d}")})
    arrived = datetime.now(UTC).replace(microsecond=0)
    team.reconcile("dev", since=arrived.isoformat())
    arguments = ("promote", "web", "--to", "staging", "--wait", "--yes")
    ended = team.fleet(*arguments, "--timeout", "10ms")
    assert ended.returncode == 4, ended.stderr
    assert "[pending] soak(dev): " in ended.stdout
    assert " of 1d done" in ended.stdout
    soak = "{releases: direct, soak: 3s}"
    team.write({environment: team.read(environment).replace("{releases: direct, soak: 1d}", soak)})
    released = next(e.time for e in team.history() if e.environment == "dev")
    ended = team.fleet(*arguments)
    assert ended.returncode == 0, ended.stderr
    assert "[passed] soak(dev): 3s done" in ended.stdout
    assert datetime.now(UTC) - max(released, arrived) >= timedelta(seconds=3)


def test_a_time_to_wait_that_is_none_is_refused(team: Team) -> None:
    ended = team.fleet("promote", "web", "--to", "staging", "--wait", "--timeout", "soon")
    assert ended.returncode == 2
    assert "--timeout 30m" in ended.stderr


def test_waiting_can_be_broken_off(team: Team) -> None:
    import signal
    import subprocess
    from datetime import UTC, datetime

    environment = "environments/dev/environment.yaml"
    team.write({environment: team.read(environment).replace("{releases: direct}", "{releases: direct, soak: 1d}")})
    team.reconcile("dev", since=datetime.now(UTC).isoformat())
    command = team.command("promote", "web", "--to", "staging", "--wait", "--yes")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=team.environment()) as process:
        assert process.stderr is not None
        assert any("waiting for time to pass: web: soak(dev) passes at " in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert not team.pull_requests()
    assert team.branches() == ["main"]
