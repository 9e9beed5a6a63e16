"""`fleet dora` as people use it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.promotion import StoredClusters
from tests.helpers.git import git, identify, write_files
from tests.helpers.promoting import Person, Team, make_team, pin_text

DAY = 86_400
MONDAY = 1_767_571_200  # 2026-01-05T00:00:00Z


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A history that people made by hand: staging gets three releases, goes back once, and is mended once."""
    made = make_team(tmp_path, monkeypatch)
    root = made.people["Bob"].root

    def commit(day: float, message: str, files: dict[str, str]) -> str:
        time = f"{MONDAY + int(day * DAY)} +0000"
        monkeypatch.setenv("GIT_AUTHOR_DATE", time)
        monkeypatch.setenv("GIT_COMMITTER_DATE", time)
        write_files(root, files)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", message)
        return git(root, "rev-parse", "HEAD")

    def pin(environment: str, revision: str, version: str) -> dict[str, str]:
        return {f"environments/{environment}/apps/web.yaml": pin_text(revision, version)}

    def work(day: float, text: str) -> str:
        return commit(day, f"Work on {text}", {"apps/web/templates/more.yaml.j2": f"# {text}\n"})

    work(0, "2")
    two = work(1, "more of 2")
    commit(2, "dev gets 2", pin("dev", two, "2.0.0"))
    commit(4, "staging gets 2", pin("staging", two, "2.0.0"))
    three = work(5, "3")
    commit(6, "dev gets 3", pin("dev", three, "3.0.0"))
    commit(7, "staging gets 3", pin("staging", three, "3.0.0"))
    git(root, "revert", "--no-edit", "HEAD")
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{MONDAY + int(7.5 * DAY)} +0000")
    git(root, "commit", "--quiet", "--amend", "--no-edit")
    commit(8, "staging gets 3 again", pin("staging", three, "3.0.0"))
    commit(9, "hotfix: staging gets 3.0.1", pin("staging", three, "3.0.1"))
    git(root, "push", "--quiet", "origin", "HEAD:main")
    monkeypatch.delenv("GIT_AUTHOR_DATE")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    return made


def report(team: Team, *arguments: str, by: str = "Ada") -> dict[str, Any]:
    ended = team.fleet("dora", "-o", "json", *arguments, by=by)
    assert ended.returncode == 0, ended.stderr
    data: dict[str, Any] = json.loads(ended.stdout)["data"]
    return data


def row(data: dict[str, Any], environment: str) -> dict[str, Any]:
    (found,) = [r for r in data["rows"] if (r["environment"], r["app"]) == (environment, "web")]
    assert isinstance(found, dict)
    return found


def test_the_metrics_of_a_history_made_by_hand(team: Team) -> None:
    data = report(team, "--since", "2026-01-05")
    staging = row(data, "staging")
    assert (staging["deployments"], staging["failures"], staging["failureRate"]) == (4, 2, 0.5)
    # 2 took four days from its first commit, 3 took two, and three when it came again
    assert (staging["leadTime"]["count"], staging["leadTime"]["median"]) == (3, 3 * DAY)
    assert staging["leadTime"]["p90"] == 4 * DAY
    assert (staging["recovery"]["median"], staging["recovery"]["p90"]) == (0.5 * DAY, DAY)
    assert row(data, "dev")["deployments"] == 2
    assert [r["environment"] for r in data["rows"] if r["app"] is None] == ["dev", "staging", "prod"]
    assert data["definitions"].keys() == {"deployments", "leadTime", "failureRate", "recovery", "percentiles"}
    assert row(report(team, "--since", "2026-01-12"), "staging")["deployments"] == 3
    assert [r["environment"] for r in report(team, "-e", "staging", "-a", "web")["rows"]] == ["staging", "staging"]


def test_it_is_shown_with_what_it_means(team: Team) -> None:
    ended = team.fleet("dora", "--since", "2026-01-05")
    assert "staging      web    4            " in ended.stdout
    assert "fleet dora --definitions" in ended.stdout
    assert "LEAD TIME\n  from the first commit below apps/APP" in team.fleet("dora", "--definitions").stdout


def test_history_tells_what_it_was(team: Team) -> None:
    ended = team.fleet("history", "staging", "-o", "json")
    kinds = [(e["kind"], e["inferred"]) for e in json.loads(ended.stdout)["data"]]
    assert kinds == [
        ("release", True),
        ("promotion", True),
        ("rollback", True),
        ("promotion", True),
        ("promotion", True),
        ("manual", False),
    ]
    assert "~rollback" in team.fleet("history", "staging").stdout


def test_without_the_remote_and_in_a_shallow_clone(team: Team) -> None:
    shallow = team.directory / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth", "4", f"file://{team.origin}", str(shallow)], check=True)
    identify(shallow, "Eve")
    team.people["Eve"] = Person(shallow, StoredClusters(team.directory / "none"))
    team.origin.rename(team.directory / "gone.git")
    data = report(team, "--no-fetch", by="Eve")
    assert row(data, "staging")["deployments"] == 2  # the revert and what seems new at the edge do not count
    assert any("this clone is shallow" in text for text in data["unknown"])
    ended = team.fleet("dora", "--no-fetch", by="Eve")
    assert "git fetch --unshallow" in ended.stderr


def test_usage_errors(team: Team) -> None:
    for arguments in (("-e", "nope"), ("-a", "nope"), ("--since", "yesterday")):
        assert team.fleet("dora", *arguments).returncode == 2
