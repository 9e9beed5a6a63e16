"""Values that were changed on both sides, as people see them: whole invocations on a real origin."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot as recorded

from tests.helpers.promoting import Team, make_team, snapshot


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """The value was promoted as `a`; Bob made it `b` in staging, and Ada released `c`."""
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", values={"ratings.enabled": "a"})
    made.reconcile("dev")
    (result,) = made.promote("staging")
    assert result.pull_request is not None
    made.merge(result.pull_request)
    made.write({"environments/staging/apps/web.yaml": made.pin("staging").replace("enabled: a", "enabled: b")}, "Fix")
    made.release(version="1.2.0", values={"ratings.enabled": "c"})
    made.reconcile("dev")
    return made


def test_a_conflict_is_shown_with_its_three_sides_and_the_way_out(team: Team) -> None:
    shown = snapshot(team, "promote", "web", "--to", "staging", "--yes")
    assert shown == recorded("""\
exit 4
--- stdout
Promote dev -> staging (1 cluster)

APP  NOW              BECOMES          OBJECTS    RISK
web  1.1.0 (COMMIT)  1.2.0 (COMMIT)  unchanged  -

VALUE            NOW  BECOMES            SET BY
ratings.enabled  b    b        conflict  Bob, COMMIT in staging

`ratings.enabled` was changed on both sides:
SIDE    VALUE  AT                                      SET BY
base    a      environments/dev/apps/web.yaml          COMMIT
ours    b      environments/staging/apps/web.yaml:6:5  Bob, COMMIT in staging
theirs  c      environments/dev/apps/web.yaml:6:5      Ada, COMMIT in dev

staging (1 of 1 cluster): no object changes

[failed] values(staging): `ratings.enabled` was changed in `dev` and in `staging`, to different values
[passed] health(dev): healthy at 1.2.0 (COMMIT) on 1 cluster
[passed] approvals(staging): none needed
--- stderr
blocked: web: values(staging): `ratings.enabled` was changed in `dev` and in `staging`, to different values
hint: fleet promote web --to staging --take ratings.enabled=theirs    # or =ours
""")
    assert team.branches() == ["main"]


def test_a_side_is_taken(team: Team) -> None:
    taken = team.fleet("promote", "web", "--to", "staging", "--yes", "--take", "ratings.enabled=theirs")
    assert taken.returncode == 0
    assert "moved (--take theirs)" in taken.stdout
    wrong = team.fleet("promote", "web", "--to", "staging", "--take", "mine")
    assert (wrong.returncode, "is not a choice" in wrong.stderr) == (2, True)


def test_explain_shows_the_commits_that_changed_it(team: Team) -> None:
    team.people["Ada"].root.joinpath("environments/staging/apps/web.yaml").write_text(team.pin("staging"))
    ended = team.fleet("explain", "web", "ratings.enabled", "-e", "staging", "--revision", "origin/main")
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert [line[-3:-2] for line in lines if "promotion" in line or "manual" in line] == [["b"], ["a"]]
