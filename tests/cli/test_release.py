"""`fleet release` as people and CI use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.promoting import Team, make_team, snapshot

ARGUMENTS = ("release", "web", "--bump", "minor", "--image", "web=registry.example/web:1.1.0")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    return make_team(tmp_path, monkeypatch)


def test_a_direct_release(team: Team) -> None:
    plan = """\
exit 0
--- stdout
Release to dev (1 cluster)

APP  NOW              BECOMES          OBJECTS    RISK
web  1.0.0 (COMMIT)  1.1.0 (COMMIT)  2 changed  restarts pods (1 object)

dev (1 of 1 cluster): 2 changed
  changed  Deployment/web/web  (restarts pods)
      spec.template.spec.containers[name=app].image: registry.example/web:1.0.0 → registry.example/web:1.1.0
  changed  ConfigMap/web/settings
      data.images: "{\\"web\\": \\"registry.example/web:1.0.0\\"}" → "{\\"web\\": \\"registry.example/web:1.1.0\\"}"

"""
    assert snapshot(team, *ARGUMENTS, "--dry-run") == f"{plan}would commit: Release web 1.1.0 to dev\n"
    assert snapshot(team, *ARGUMENTS, "--yes") == (
        f"{plan}committed COMMIT to main: Release web 1.1.0 to dev\n--- stderr\n→ next: fleet reconcile -e dev\n"
    )
    nothing = "exit 0\n--- stdout\nnothing to do: dev has web 1.1.0 (COMMIT) already\n"
    assert snapshot(team, *ARGUMENTS, "--yes") == nothing


def test_values_are_json_or_text(team: Team) -> None:
    ended = team.fleet("release", "web", "--set", "ratings.enabled=true", "--yes", "-o", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["schema"]) == (0, "fleet.release/v1")
    assert document["data"]["results"][0]["plan"]["after"]["values"] == {"ratings.enabled": True}
    team.fleet("release", "web", "--set", "ratings.enabled=some text", "--yes")
    assert 'ratings.enabled: "some text"' in team.pin("dev")


def test_a_version_that_is_taken_is_exit_4(team: Team) -> None:
    team.release(version="1.1.0", images={"web": "a:1"})
    ended = team.fleet("release", "web", "--version", "1.1.0", "--image", "web=a:2", "--yes")
    assert ended.returncode == 4
    assert "error[FLT-PRM-040]: version 1.1.0 of `web` has other content already" in ended.stderr
    assert "`--version 1.1.1`" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--bump", "huge"),
            "error[FLT-USE-001]: `--bump huge` is not a part of a version\n\nhint: use `patch`, `minor` or `major`\n",
        ),
        (
            ("--bump", "minor", "--version", "1.2.3"),
            "error[FLT-USE-001]: `--version` and `--bump` exclude each other\n",
        ),
        (
            ("--image", "web"),
            "error[FLT-USE-001]: `--image web` is not of the form NAME=REF\n\nhint: write `--image NAME=REF`\n",
        ),
        (
            ("--image", "web=a", "--image", "web=b"),
            "error[FLT-USE-001]: `--image` sets `web` twice\n",
        ),
        (
            ("--set", "replicas=3"),
            "error[FLT-PRM-045]: `replicas` does not travel with releases of `web`: it belongs to the environments\n\n"
            "hint: promotable are `ratings.enabled`; the list stands in apps/web/app.yaml\n",
        ),
        (
            ("-e", "prod"),
            "error[FLT-PRM-041]: releases come to `prod` from `staging`, by promotion\n\n"
            "hint: fleet promote web --to prod\nhint: new releases enter `dev`\n",
        ),
    ],
)
def test_usage_errors(team: Team, arguments: tuple[str, ...], expected: str) -> None:
    assert snapshot(team, "release", "web", *arguments, "--yes") == f"exit 2\n--- stderr\n{expected}"
