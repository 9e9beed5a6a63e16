"""`fleet rollback` as people use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.promoting import Team, make_team, normal, snapshot


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", images={"web": "registry.example/web:1.1.0"})
    return made


def test_a_rollback_opens_a_pull_request(team: Team) -> None:
    plan = """\
exit 0
--- stdout
Roll back dev (1 cluster)

APP  NOW              BECOMES          OBJECTS    RISK
web  1.1.0 (COMMIT)  1.0.0 (COMMIT)  2 changed  restarts pods (1 object)

1 change back: what was there from TIME to TIME UTC

dev (1 of 1 cluster): 2 changed
  changed  Deployment/web/web  (restarts pods)
      spec.template.spec.containers[name=app].image: registry.example/web:1.1.0 → registry.example/web:1.0.0
  changed  ConfigMap/web/settings
      data.images: "{\\"web\\": \\"registry.example/web:1.1.0\\"}" → "{\\"web\\": \\"registry.example/web:1.0.0\\"}"

[passed] approvals(dev): none needed

"""
    arguments = ("rollback", "web", "--env", "dev")
    assert snapshot(team, *arguments, "--dry-run") == (
        f"{plan}would open a pull request: Roll back web to 1.0.0 in dev\n"
    )
    assert snapshot(team, *arguments, "--yes") == (
        f"{plan}opened #1 Roll back web to 1.0.0 in dev\n"
        "web is held in dev until `fleet release-hold web -e dev`: rolled back from 1.1.0 to 1.0.0\n"
        "--- stderr\n→ next: fleet pr merge 1, then fleet reconcile -e dev\n"
    )


def test_there_is_nothing_to_go_back_to(team: Team) -> None:
    assert snapshot(team, "rollback", "web", "--env", "prod", "--yes") == (
        "exit 1\n--- stderr\nerror[FLT-PRM-030]: `web` had no earlier release in `prod` to go back to\n\n"
        "hint: fleet history prod -a web\nhint: name one that was there with `--to VERSION`\n"
    )


def test_a_release_that_was_never_there(team: Team) -> None:
    assert snapshot(team, "rollback", "web", "--env", "dev", "--to", "7.7.7", "--yes") == (
        "exit 2\n--- stderr\nerror[FLT-PRM-031]: `web` never had a release `7.7.7` in `dev`\n\n"
        "hint: it had `1.1.0`, `1.0.0`\nhint: fleet history dev -a web\n"
    )


def test_the_release_that_is_there(team: Team) -> None:
    assert snapshot(team, "rollback", "web", "--env", "dev", "--to", "1.1.0", "--yes") == (
        "exit 0\n--- stdout\nnothing to do: dev has web 1.1.0 (COMMIT) already\n"
    )


def test_a_rejection_needs_a_reason(team: Team) -> None:
    assert snapshot(team, "rollback", "web", "--env", "dev", "--reject", "--yes") == (
        "exit 2\n--- stderr\nerror[FLT-USE-001]: `--reject` needs a reason for the record\n\n"
        "hint: add `--reason TEXT`\n"
    )


def test_a_rollback_that_holds_nothing(team: Team) -> None:
    ended = team.fleet("rollback", "web", "--env", "dev", "--no-hold", "--yes")
    assert ended.stdout.splitlines()[-1] == "opened #1 Roll back web to 1.0.0 in dev"
    assert snapshot(team, "locks") == "exit 0\n--- stdout\nnothing is locked, held or rejected\n"


def test_a_rollback_that_rejects(team: Team) -> None:
    team.reconcile("dev")
    team.promote("staging")
    ended = team.fleet("rollback", "web", "--env", "dev", "--reject", "--reason", "loses orders", "--yes")
    assert normal(ended.stdout).splitlines()[-4:] == [
        "opened #2 Roll back web to 1.0.0 in dev",
        "web is held in dev until `fleet release-hold web -e dev`: loses orders",
        "web 1.1.0 (COMMIT) is rejected: loses orders",
        "closed #1, which would have brought it",
    ]
