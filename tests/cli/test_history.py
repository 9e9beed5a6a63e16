"""`fleet history` as people use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.promoting import Team, make_team, snapshot


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", images={"web": "registry.example/web:1.1.0"})
    made.reconcile("dev")
    made.promote("staging")
    made.merge(1)
    return made


def test_a_line_per_change(team: Team) -> None:
    assert (
        snapshot(team, "history", "-n", "3")
        == """\
exit 0
--- stdout
ID            TIME              KIND       ENVIRONMENT  APP  FROM   TO     PR  BY
COMMIT  TIME  promotion  staging      web  1.0.0  1.1.0  #1  Ada
COMMIT  TIME  release    dev          web  1.0.0  1.1.0  -   Ada
COMMIT  TIME  manual     dev          web  -      1.0.0  -   Bob
--- stderr
→ next: fleet history show COMMIT
"""
    )


def test_one_entry_with_all_that_is_known(team: Team) -> None:
    entry = team.history()[0]
    assert (
        snapshot(team, "history", "show", entry.id[:8], "--no-fetch")
        == """\
exit 0
--- stdout
COMMIT Promote web 1.1.0 to staging
  kind          promotion from dev
  app           web
  environment   staging
  before        1.0.0 (COMMIT)
  after         1.1.0 (COMMIT)
  author        Ada <ada@example.com>
  landed        TIME UTC by Bob <bob@example.com>
  pull request  #1
  commit        COMMIT
  image web     (default) → registry.example/web:1.1.0
  plan          COMMIT
  gate          health(dev) passed: healthy at 1.1.0 (COMMIT) on 1 cluster
  gate          approvals(staging) passed: none needed
  rendered      staging: 2 changed
  decision      entry 3 of the ledger: TIME UTC by Ada <ada@example.com>
  go back       fleet rollback web --env staging --to 1.0.0
"""
    )


def test_json_and_selection(team: Team) -> None:
    ended = team.fleet("history", "prod", "-a", "web", "--since", "7d", "-o", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr, document["schema"]) == (0, "", "fleet.history/v1")
    (entry,) = document["data"]
    assert (entry["kind"], entry["environment"], entry["after"]["version"]) == ("manual", "prod", "1.0.0")


def test_it_works_without_the_remote(team: Team) -> None:
    team.history()
    team.origin.rename(team.directory / "gone.git")
    quiet = team.fleet("history", "--no-fetch")
    assert quiet.returncode == 0
    assert "last fetched" not in quiet.stderr
    warned = team.fleet("history")
    assert (warned.returncode, warned.stdout) == (0, quiet.stdout)
    assert "this is the history as last fetched" in warned.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nope",), "there is no environment `nope`"),
        (("-a", "nope"), "there is no app `nope`"),
        (("--since", "yesterday"), "`--since yesterday` is not a date"),
        (("show", "0123456789ab"), "no entry of the history is `0123456789ab`"),
        (("prod", "web"), "`web` is one argument too many"),
    ],
)
def test_usage_errors(team: Team, arguments: tuple[str, ...], text: str) -> None:
    ended = team.fleet("history", *arguments)
    assert ended.returncode == 2
    assert text in ended.stderr
