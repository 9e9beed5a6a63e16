"""`fleet audit` as people use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.git import git
from tests.helpers.promoting import Team, make_team, pin_text, snapshot


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", images={"web": "registry.example/web:1.1.0"})
    made.reconcile("dev")
    made.promote("staging")
    made.merge(1)
    return made


def test_the_log_and_the_check(team: Team) -> None:
    assert (
        snapshot(team, "audit", "log")
        == """\
exit 0
--- stdout
NO  TIME              KIND     ENVIRONMENT  APP  WHAT                     BY
6   TIME  merged   staging      web  #1 as COMMIT       Bob
5   TIME  decided  staging      web  merge #1 at COMMIT      Bob
4   TIME  opened   staging      web  #1                       Ada
3   TIME  decided  staging      web  promotion 1.0.0 → 1.1.0  Ada
2   TIME  merged   dev          web  as COMMIT          Ada
1   TIME  decided  dev          web  release 1.0.0 → 1.1.0    Ada
"""
    )
    ended = team.fleet("audit", "verify")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "[passed] chain: 6 entries" in ended.stdout
    assert "[passed] growth: it contains entry " in ended.stdout
    assert (
        "[passed] decisions: 2 changes of releases on the protected branch (3 from before the ledger)" in ended.stdout
    )


def test_json_has_what_a_decision_was_made_of(team: Team) -> None:
    ended = team.fleet("audit", "log", "-e", "staging", "-a", "web", "--since", "1d", "-o", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["schema"]) == (0, "fleet.audit.log/v1")
    (decided,) = [e for e in document["data"] if e["kind"] == "decided" and e["data"]["stage"] == "open"]
    assert decided["data"]["after"]["version"] == "1.1.0"
    (seen,) = decided["data"]["observations"]["targets"]
    assert (seen["status"], seen["exact"]) == ("healthy", True)
    assert {g["name"]: g["verdict"] for g in decided["data"]["gates"]}["health(dev)"] == "passed"
    assert json.loads(team.fleet("audit", "log", "-e", "prod", "-o", "json").stdout)["data"] == []


def test_what_landed_outside_fleet_is_listed(team: Team) -> None:
    team.write({"environments/prod/apps/web.yaml": pin_text(team.first, "9.9.9")}, "Just this once")
    ended = team.fleet("audit", "verify")
    assert ended.returncode == 1
    assert "[failed] decisions: 1 of 3 changes of releases" in ended.stdout
    assert "9.9.9    Bob  landed outside fleet: the pin was changed by hand" in ended.stdout
    document = json.loads(team.fleet("audit", "verify", "-o", "json").stdout)
    assert (document["ok"], document["data"]["outside"][0]["version"]) == (False, "9.9.9")
    assert team.fleet("audit", "verify", "--since", "2999-01-01").returncode == 0


def test_a_merge_by_hand_is_listed(team: Team) -> None:
    team.reconcile("staging")
    team.promote("prod")
    root = team.people["Bob"].root
    git(root, "fetch", "--quiet", "origin")
    git(root, "checkout", "--quiet", "-B", "by-hand", "origin/main")
    git(root, "merge", "--quiet", "--no-ff", "-m", "Merge it now", "origin/fleet/promote/prod/web")
    git(root, "push", "--quiet", "origin", "HEAD:main")
    ended = team.fleet("audit", "verify")
    assert ended.returncode == 1
    assert "merged outside fleet: its merge was never decided" in ended.stdout


def test_a_ledger_that_was_rewritten(team: Team) -> None:
    assert team.fleet("audit", "verify").returncode == 0
    git(team.origin, "update-ref", "refs/fleet/ledger", "refs/fleet/ledger~2")
    refused = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert refused.returncode == 0  # there is nothing to promote, so nothing is written
    ended = team.fleet("audit", "verify")
    assert ended.returncode == 1
    assert "[failed] the ledger was rewritten: it does not contain entry 6" in ended.stdout
    team.reconcile("staging")
    refused = team.fleet("promote", "web", "--to", "prod", "--yes")
    assert refused.returncode == 1
    assert "FLT-LED-003" in refused.stderr
    assert team.branches() == ["main"]
    accepted = team.fleet("audit", "verify", "--accept")
    assert accepted.returncode == 1  # what was cut off is missing for good
    assert "rewritten" not in accepted.stdout
    assert "merged outside fleet" in accepted.stdout
    assert team.fleet("promote", "web", "--to", "prod", "--yes").returncode == 0


def test_nothing_is_written_when_the_ledger_cannot_be(team: Team) -> None:
    hook = team.origin / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/fleet/ledger) echo closed >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    team.reconcile("staging")
    before = team.head()
    for arguments in (("promote", "web", "--to", "prod"), ("release", "web", "--bump", "minor", "--image", "web=a:2")):
        refused = team.fleet(*arguments, "--yes")
        assert refused.returncode == 1
        assert "the remote refused to move `refs/fleet/ledger`" in refused.stderr + refused.stdout
    assert (team.head(), team.branches()) == (before, ["main"])


def test_there_may_be_no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    team = make_team(tmp_path, monkeypatch)
    assert team.fleet("audit", "log").stdout == "nothing was decided yet\n"
    ended = team.fleet("audit", "verify")
    assert (ended.returncode, ended.stdout) == (0, "there is no ledger yet\n")
