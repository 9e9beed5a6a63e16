"""`fleet pr` as people use it: whole invocations on a real fleet, each person with a clone and an identity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.fleets import small_fleet
from tests.helpers.git import IDENTITY_VARIABLES, clone, git, make_origin, push_file, remote_refs

BRANCH = "fleet/promote/prod/web"
PIN = "environments/prod/apps/web.yaml"
POLICY = "environments/prod/environment.yaml"

_OPEN = """
import sys
from pathlib import Path
from fleet.adapters.forge.local import LocalForge
from fleet.adapters.git.repository import GitRepository
from fleet.bootstrap.clock import SystemClock
from fleet.model.pull_request import PullRequestDraft
root, branch, head = sys.argv[1:]
draft = PullRequestDraft(title="More replicas of web", body="3 become 4.", branch=branch,
                         base_branch="main", head=head)
print(LocalForge(GitRepository(Path(root)), SystemClock()).open(draft).number)
"""


class Team:
    """Ada opens pull requests, Bob and Eve review them."""

    def __init__(self, directory: Path, approvals: int) -> None:
        files = small_fleet()
        self.pin = files[PIN]
        files[POLICY] += f"policy:\n  approvals: {approvals}\n"
        self.origin = make_origin(directory / "origin.git", files)
        self.clones = {name: clone(self.origin, directory / name, name=name) for name in ("Ada", "Bob", "Eve")}

    def fleet(self, person: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fleet", "-C", str(self.clones[person]), *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def open(self, path: str = PIN, content: str | None = None, branch: str = BRANCH) -> str:
        root = self.clones["Ada"]
        text = content if content is not None else self.pin.replace("replicas: 3", "replicas: 4")
        head = push_file(root, branch, path, text, "More web\n\nFleet-App: web\nFleet-To: prod")
        subprocess.run([sys.executable, "-c", _OPEN, str(root), branch, head], check=True, stdout=subprocess.DEVNULL)
        return head


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    return Team(tmp_path, approvals=1)


def test_nothing_open(team: Team) -> None:
    ended = team.fleet("Ada", "pr", "list")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "no open pull requests\n", "")


def test_list_shows_a_line_for_each(team: Team) -> None:
    team.open()
    ended = team.fleet("Bob", "pr", "list")
    assert ended.returncode == 0
    heading, line = ended.stdout.splitlines()
    assert heading.split() == ["PR", "STATE", "TITLE", "BRANCH", "AUTHOR", "APPROVALS", "UPDATED"]
    assert line.startswith("#1  open   More replicas of web  fleet/promote/prod/web  Ada     0")
    assert "next: fleet pr show 1" in ended.stderr


def test_json_is_the_pull_request_and_nothing_else(team: Team) -> None:
    head = team.open()
    ended = team.fleet("Bob", "pr", "list", "-o", "json")
    document = json.loads(ended.stdout)
    assert (ended.stderr, document["schema"], document["ok"]) == ("", "fleet.pr.list/v1", True)
    assert document["data"][0] | {"created": "", "updated": ""} == {
        "number": 1,
        "title": "More replicas of web",
        "body": "3 become 4.",
        "author": "Ada <ada@example.com>",
        "branch": BRANCH,
        "baseBranch": "main",
        "head": head,
        "state": "open",
        "created": "",
        "updated": "",
        "labels": [],
        "approvals": [],
        "checks": [],
        "comments": [],
        "mergeCommit": None,
        "mergedBy": None,
        "url": "",
        "base": None,
        "note": "",
    }


def test_show_says_what_holds_the_merge(team: Team) -> None:
    head = team.open()
    ended = team.fleet("Bob", "pr", "show", "1")
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == [
        "#1 More replicas of web",
        f"open: {BRANCH} -> main at {head[:7]}, by Ada <ada@example.com>",
        "changes: prod (1 file)",
        "",
        "3 become 4.",
        "",
        "[pending] approvals(prod): 0 of 1; 1 more needed, from anybody but the author Ada <ada@example.com>",
        "[passed] branch: up to date",
        "[passed] mergeable: no conflict with `main`",
    ]
    assert "next: fleet pr approve 1" in ended.stderr


def test_diff_is_what_the_branch_changed(team: Team) -> None:
    team.open()
    push_file(team.clones["Eve"], "main", "README.md", "unrelated")
    ended = team.fleet("Bob", "pr", "diff", "1")
    assert ended.returncode == 0
    assert "-  replicas: 3" in ended.stdout
    assert "+  replicas: 4" in ended.stdout
    assert "README.md" not in ended.stdout


def test_merge_without_approvals_is_blocked_and_says_who_may(team: Team) -> None:
    team.open()
    ended = team.fleet("Ada", "pr", "merge", "1", "--yes")
    assert ended.returncode == 4
    assert "error[FLT-GAT-010]" in ended.stderr
    assert "0 of 1; 1 more needed, from anybody but the author Ada" in ended.stderr
    assert "hint: fleet pr approve 1" in ended.stderr


def test_author_cannot_approve(team: Team) -> None:
    team.open()
    ended = team.fleet("Ada", "pr", "approve", "1")
    assert ended.returncode == 1
    assert "cannot approve it" in ended.stderr


def test_approve_then_merge(team: Team) -> None:
    head = team.open()
    approved = team.fleet("Bob", "pr", "approve", "1", "--head", head[:10])
    assert approved.returncode == 0
    assert "[passed] approvals(prod): 1 of 1: Bob <bob@example.com>" in approved.stdout
    assert "next: fleet pr merge 1" in approved.stderr
    merged = team.fleet("Ada", "pr", "merge", "1", "--yes")
    assert merged.returncode == 0
    main = remote_refs(team.origin)["refs/heads/main"]
    assert merged.stdout == f"merged #1 into main as {main[:7]}\n"
    assert "next: fleet reconcile" in merged.stderr
    assert git(team.origin, "log", "-1", "--format=%B", "main").strip() == (
        "Merge pull request #1: More replicas of web\n\n"
        "Fleet-App: web\nFleet-To: prod\nFleet-Pull-Request: 1\nFleet-Approved-By: Bob <bob@example.com>"
    )
    again = team.fleet("Ada", "pr", "merge", "1", "--yes")
    assert (again.returncode, again.stdout) == (0, merged.stdout)
    assert remote_refs(team.origin)["refs/heads/main"] == main


def test_merge_asks_and_without_a_terminal_names_the_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(tmp_path, approvals=0)
    team.open()
    ended = team.fleet("Ada", "pr", "merge", "1")
    assert ended.returncode == 2
    assert "add `--yes`" in ended.stderr
    assert team.fleet("Ada", "pr", "merge", "1", "--yes").returncode == 0


def test_approving_another_head_than_the_one_looked_at_is_refused(team: Team) -> None:
    head = team.open()
    team.open(content=team.pin.replace("replicas: 3", "replicas: 5"))
    ended = team.fleet("Bob", "pr", "approve", "1", "--head", head)
    assert ended.returncode == 4
    assert f"not at {head[:7]}" in ended.stderr


def test_an_update_makes_approvals_stale(team: Team) -> None:
    team.open()
    team.fleet("Bob", "pr", "approve", "1")
    team.open(content=team.pin.replace("replicas: 3", "replicas: 5"))
    ended = team.fleet("Eve", "pr", "show", "1")
    assert "  stale  " in ended.stdout
    assert "1 of an earlier head does not count" in ended.stdout
    assert team.fleet("Ada", "pr", "merge", "1", "--yes").returncode == 4


def test_a_pull_request_is_judged_by_the_policy_that_it_wants_to_loosen(team: Team) -> None:
    loose = small_fleet()[POLICY] + "policy:\n  approvals: 0\n"
    team.open(POLICY, loose, "topic/loosen")
    ended = team.fleet("Ada", "pr", "merge", "1", "--yes")
    assert ended.returncode == 4
    assert "approvals(prod)" in ended.stderr


def test_conflicts_are_named_before_the_merge(team: Team) -> None:
    team.open("apps/web/app.yaml", small_fleet()["apps/web/app.yaml"] + "description: one\n", "topic/one")
    push_file(
        team.clones["Eve"], "main", "apps/web/app.yaml", small_fleet()["apps/web/app.yaml"] + "description: two\n"
    )
    ended = team.fleet("Ada", "pr", "merge", "1", "--yes")
    assert ended.returncode == 4
    assert "conflicts with `main` in apps/web/app.yaml" in ended.stderr


def test_a_deleted_branch_is_explained(team: Team) -> None:
    team.open()
    git(team.origin, "update-ref", "-d", f"refs/heads/{BRANCH}")
    ended = team.fleet("Bob", "pr", "show", "1")
    assert f"[failed] branch: branch `{BRANCH}` was deleted by hand" in ended.stdout
    assert team.fleet("Bob", "pr", "merge", "1", "--yes").returncode == 1


def test_close_with_a_comment(team: Team) -> None:
    team.open()
    ended = team.fleet("Bob", "pr", "close", "1", "--comment", "superseded")
    assert (ended.returncode, ended.stdout) == (0, "closed #1\n")
    assert f"refs/heads/{BRANCH}" not in remote_refs(team.origin)
    shown = team.fleet("Ada", "pr", "show", "1")
    assert "superseded" in shown.stdout
    assert "-  replicas: 3" in team.fleet("Ada", "pr", "diff", "1").stdout


def test_unknown_number(team: Team) -> None:
    ended = team.fleet("Ada", "pr", "show", "9", "-o", "json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["errors"][0]["message"] == "there is no pull request #9"


def test_control_characters_in_a_title_do_not_reach_the_terminal(team: Team) -> None:
    head = push_file(team.clones["Ada"], "topic/x", "x.txt", "x")
    program = _OPEN.replace('title="More replicas of web"', r'title="a\x1b]8;;http://evil\x07b\x1b[2J"')
    subprocess.run([sys.executable, "-c", program, str(team.clones["Ada"]), "topic/x", head], check=True)
    assert "\x1b" not in team.fleet("Bob", "pr", "list").stdout


def test_outside_a_repository(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "fleet", "-C", str(tmp_path), "pr", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_DIR": "/nowhere"},
    )
    assert ended.returncode == 1
    assert "is not inside a git repository" in ended.stderr
    assert "fleet init" in ended.stderr


def test_roles_owners_and_checks_hold_the_merge_until_they_are_there(team: Team) -> None:
    root = team.clones["Eve"]
    push_file(root, "main", "fleet.yaml", "name: shop\nroles: {leads: [eve@example.com]}\n")
    policy = "policy:\n  approvals: 1\n  approvalRoles: {leads: 1}\n  codeowners: true\n  checks: [ci/test]\n"
    push_file(root, "main", POLICY, small_fleet()[POLICY] + policy)
    push_file(root, "main", "CODEOWNERS", "environments/prod/ bob@example.com\n")
    head = team.open()
    held = team.fleet("Bob", "pr", "merge", "1", "--yes")
    assert held.returncode == 4
    for gate in ("approvals(prod)", "role(leads)", "owners", "check(ci/test)"):
        assert f"{gate}: " in held.stderr
    assert team.fleet("Bob", "pr", "approve", "1").returncode == 0
    assert team.fleet("Eve", "pr", "approve", "1").returncode == 0
    still = team.fleet("Bob", "pr", "merge", "1", "--yes")
    assert (still.returncode, "check(ci/test)" in still.stderr, "role(leads)" in still.stderr) == (4, True, False)
    wrong = team.fleet("Bob", "pr", "check", "1", "ci/test", "--state", "green")
    assert (wrong.returncode, "use `success`" in wrong.stderr) == (2, True)
    other = team.fleet("Bob", "pr", "check", "1", "ci/test", "--state", "success", "--head", "f" * 40)
    assert other.returncode == 4
    green = team.fleet("Bob", "pr", "check", "1", "ci/test", "--state", "success", "--head", head)
    assert (green.returncode, green.stdout) == (0, f"ci/test is success for #1 at {head[:7]}\n")
    assert team.fleet("Bob", "pr", "merge", "1", "--yes").returncode == 0
