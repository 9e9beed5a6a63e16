"""Several processes at once, and kill -9 at each external effect."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fleet.failpoints import NAMES
from tests.helpers.git import IDENTITY_VARIABLES, clone, git
from tests.helpers.promoting import Person, Team

APPS = [f"app-{number}" for number in range(8)]


def together(team: Team, commands: Sequence[Sequence[str]], people: Sequence[str]) -> list[dict[str, Any]]:
    """Run commands at the same time; return their envelopes with the exit status."""
    started = [
        subprocess.Popen(
            team.command(*arguments, "--yes", "-o", "json", by=person),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=team.environment(),
        )
        for arguments, person in zip(commands, people, strict=True)
    ]
    ended = []
    for process in started:
        out, err = process.communicate(timeout=300)
        assert out, err
        ended.append(json.loads(out) | {"status": process.returncode, "err": err})
    return ended


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Eight apps, and a clone for each."""
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(tmp_path, APPS, dev="{releases: direct}")
    for app in APPS:
        root = clone(team.origin, tmp_path / app, name=app)
        team.people[app] = Person(root, team.clusters)
    return team


def test_eight_processes_release_and_promote_different_apps_at_once(crowd: Team) -> None:
    commands = [["release", app, "--version", "2.0.0"] for app in APPS]
    ended = together(crowd, commands, APPS)
    assert [e["status"] for e in ended] == [0] * 8, ended
    assert all("version: 2.0.0" in crowd.pin("dev", app) for app in APPS)
    assert git(crowd.origin, "rev-list", "--count", "main") == "10"
    crowd.reconcile("dev")
    ended = together(crowd, [["promote", app, "--to", "staging"] for app in APPS], APPS)
    assert [e["status"] for e in ended] == [0] * 8, ended
    requests = crowd.pull_requests()
    assert sorted(r.branch for r in requests) == [f"fleet/promote/staging/{app}" for app in APPS]
    assert sorted(r.number for r in requests) == list(range(1, 9))


def test_the_same_app_at_once_gives_one_pull_request(team: Team) -> None:
    team.release(version="2.0.0")
    team.reconcile("dev")
    people = ["Ada", "Bob"] * 2
    for number, person in enumerate(people):
        root = clone(team.origin, team.directory / f"{person}-{number}", name=person)
        team.people[f"{person}-{number}"] = Person(root, team.clusters)
    names = [f"{person}-{number}" for number, person in enumerate(people)]
    ended = together(team, [["promote", "web", "--to", "staging"]] * 4, names)
    assert all(e["status"] in (0, 4) for e in ended), ended
    assert any(e["status"] == 0 for e in ended)
    (request,) = team.pull_requests()
    head = team.head("fleet/promote/staging/web")
    assert request.head == head
    assert git(team.origin, "rev-list", "--count", f"main..{head}") == "1"
    for e in ended:
        if e["status"] == 0:
            assert e["data"]["results"][0]["pullRequest"] == request.number
        else:
            assert e["errors"][0]["code"] in ("FLT-PRM-002", "FLT-FRG-008")


def test_the_same_release_at_once_lands_once(team: Team) -> None:
    for number in range(4):
        root = clone(team.origin, team.directory / f"ci-{number}", name=f"ci-{number}")
        team.people[f"ci-{number}"] = Person(root, team.clusters)
    people = [f"ci-{number}" for number in range(4)]
    ended = together(team, [["release", "web", "--image", "web=a:1"]] * 4, people)
    assert [e["status"] for e in ended] == [0] * 4, ended
    assert git(team.origin, "rev-list", "--count", "main") == "3"


SUPERSEDED = "promote.after-comment"
"""Only passed where an open pull request gets another release."""
KILLS = sorted({name for name in NAMES if name.startswith(("promote.", "forge.", "ledger."))} - {SUPERSEDED})


@pytest.mark.parametrize("point", KILLS)
def test_a_promotion_that_is_killed_converges_when_it_is_run_again(team: Team, point: str) -> None:
    team.release(version="2.0.0", images={"web": "a:1"})
    team.reconcile("dev")
    killed = team.fleet("promote", "web", "--to", "staging", "--yes", FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert again.returncode == 0, again.stderr
    (request,) = team.pull_requests()
    branch = "fleet/promote/staging/web"
    assert (request.number, request.head, request.title) == (1, team.head(branch), "Promote web 2.0.0 to staging")
    assert "version: 2.0.0" in team.pin("staging", revision=branch)
    assert git(team.origin, "rev-list", "--count", f"main..{branch}") == "1"
    last = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert "#1 Promote web 2.0.0 to staging is up to date" in last.stdout


@pytest.mark.parametrize("point", sorted(name for name in NAMES if name.startswith(("release.", "ledger."))))
def test_a_release_that_is_killed_converges_when_it_is_run_again(team: Team, point: str) -> None:
    arguments = ("release", "web", "--bump", "minor", "--image", "web=a:1", "--yes")
    killed = team.fleet(*arguments, FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = team.fleet(*arguments)
    assert again.returncode == 0, again.stderr
    assert git(team.origin, "rev-list", "--count", "main") == "3"
    assert "version: 1.1.0" in team.pin("dev")


@pytest.mark.parametrize("point", [*KILLS, SUPERSEDED])
def test_an_update_that_is_killed_converges_with_one_comment(team: Team, point: str) -> None:
    team.release(version="2.0.0")
    team.reconcile("dev")
    team.promote("staging")
    team.release(version="3.0.0")
    team.reconcile("dev")
    killed = team.fleet("promote", "web", "--to", "staging", "--yes", FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL
    for _ in range(2):
        assert team.fleet("promote", "web", "--to", "staging", "--yes").returncode == 0
    (request,) = team.pull_requests()
    assert (request.title, request.note) == ("Promote web 3.0.0 to staging", "")
    assert [comment.text for comment in request.comments] == [
        "Superseded: this pull request was `Promote web 2.0.0 to staging`. Now it is `Promote web 3.0.0 to staging`."
    ]
