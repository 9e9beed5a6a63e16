"""`fleet replay` as people use it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.fakes.promotion import StoredClusters
from tests.helpers.git import clone, git
from tests.helpers.promoting import Person, Team, make_team, snapshot


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", images={"web": "registry.example/web:1.1.0"})
    made.reconcile("dev")
    made.promote("staging")
    made.merge(1)
    return made


def test_a_merged_promotion_in_another_clone_without_clusters_or_remote(team: Team) -> None:
    root = clone(team.origin, team.directory / "elsewhere", name="Eve")
    team.people["Eve"] = Person(root, StoredClusters(team.directory / "nothing"))
    assert team.fleet("audit", "verify", by="Eve").returncode == 0  # brings the ledger
    team.origin.rename(team.directory / "gone.git")
    shutil.rmtree(team.clusters.directory)
    assert (
        snapshot(team, "replay", "1", "--no-fetch", by="Eve")
        == """\
exit 0
--- stdout
promotion of web from dev to staging
  release  1.0.0 (COMMIT) → 1.1.0 (COMMIT)
  decided  TIME UTC by Ada <ada@example.com>, ledger entry 3
  fleet    as of commit COMMIT
  plan     COMMIT
  seen     web/dev/dev 1.1.0: healthy, exactly this release
GATE                THEN    NOW     REASON
health(dev)         passed  passed  healthy at 1.1.0 (COMMIT) on 1 cluster
approvals(staging)  passed  passed  none needed
the same is decided again
"""
    )
    for name in (git(root, "rev-parse", "origin/main"), git(root, "rev-parse", "origin/main~1")[:8], "#1"):
        ended = team.fleet("replay", name, "--no-fetch", "-o", "json", by="Eve")
        assert ended.returncode == 0, ended.stderr
        (one,) = json.loads(ended.stdout)["data"]
        assert one["differences"] == []


def test_a_difference_is_shown(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Observations that do not lead to the recorded verdict: as if another version of fleet had decided."""
    from fleet.model.ledger import Decision

    honest = Decision.model_dump

    def forged(self: Decision, **options: object) -> dict[str, object]:
        data = honest(self, **options)  # type: ignore[arg-type]
        for seen in data["observations"]["targets"]:
            seen["exact"] = False
        return data

    team.reconcile("staging")
    monkeypatch.setattr(Decision, "model_dump", forged)
    team.promote("prod")
    monkeypatch.undo()
    ended = team.fleet("replay", "2")
    assert ended.returncode == 1
    assert "health(staging)" in ended.stdout
    assert "differs: health(staging): verdict was `passed`, is `pending`" in ended.stdout


def test_what_cannot_be_replayed(team: Team) -> None:
    first = team.fleet("history", "prod", "-o", "json").stdout
    by_hand = json.loads(first)["data"][0]["id"]
    ended = team.fleet("replay", by_hand)
    assert (ended.returncode, "FLT-LED-010" in ended.stderr) == (2, True)
    for name in ("99", "0123456789ab", "what"):
        ended = team.fleet("replay", name)
        assert (ended.returncode, "FLT-LED-011" in ended.stderr) == (2, True)
