"""The local forge keeps the contract, also across processes and when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.adapters.forge.documents import open_ref, pull_ref
from fleet.adapters.forge.local import LocalForge
from fleet.adapters.git.repository import GitRepository
from fleet.errors import ForgeError, UnreachableError
from fleet.model.pull_request import PullRequestState
from tests.contract.forge import BRANCH, ForgeContract, ForgeWorld, draft
from tests.helpers.git import IDENTITY_VARIABLES, clone, git, make_origin, push_file, remote_refs

_ACTOR = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fleet.adapters.forge.local import LocalForge
from fleet.adapters.git.repository import GitRepository
from fleet.model.pull_request import PullRequestDraft

class Clock:
    def now(self):
        return datetime.now(UTC)
    def monotonic(self):
        return 0.0

root, verb, branch, head = sys.argv[1:]
forge = LocalForge(GitRepository(Path(root)), Clock())
if verb == "open":
    done = forge.open(PullRequestDraft(title="t", body="b", branch=branch, base_branch="main", head=head))
elif verb == "merge":
    done = forge.merge(1, head, "Merge")
elif verb == "approve":
    done = forge.approve(1, head)
else:
    done = forge.close(1)
print(done.number)
"""


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return 0.0


class LocalWorld(ForgeWorld):
    """A bare origin; each connection of a person is a clone of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.origin = make_origin(directory / "origin.git", {"a.txt": "1"})
        self.hand = clone(self.origin, directory / "hand", name="Hand")
        self.repositories: list[GitRepository] = []

    def clone(self, person: str) -> Path:
        return clone(self.origin, self.directory / f"{person}-{len(self.repositories)}", name=person)

    def repository(self, person: str) -> GitRepository:
        repository = GitRepository(self.clone(person))
        self.repositories.append(repository)
        return repository

    def forge(self, person: str) -> LocalForge:
        return LocalForge(self.repository(person), RealClock())

    def push(self, branch: str, path: str, content: str, *, start: str = "main") -> str:
        return push_file(self.hand, branch, path, content)

    def delete(self, branch: str) -> None:
        git(self.origin, "update-ref", "-d", f"refs/heads/{branch}")

    def head(self, branch: str) -> str | None:
        return remote_refs(self.origin).get(f"refs/heads/{branch}")

    def content(self, revision: str, path: str) -> str | None:
        return git(self.origin, "show", f"{revision}:{path}")

    def parents(self, revision: str) -> tuple[str, ...]:
        return tuple(git(self.origin, "log", "-1", "--format=%P", revision).split())

    def merge_by_hand(self, branch: str) -> None:
        git(self.hand, "fetch", "--quiet", "origin")
        git(self.hand, "checkout", "--quiet", "-B", "main", "origin/main")
        git(self.hand, "merge", "--quiet", "--no-ff", "-m", "by hand", f"origin/{branch}")
        git(self.hand, "push", "--quiet", "origin", "main")


def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorld]:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    made = LocalWorld(tmp_path)
    yield made
    for repository in made.repositories:
        repository.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorld]:
    yield from make_world(tmp_path, monkeypatch)


class TestLocalForge(ForgeContract):
    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorld]:
        yield from make_world(tmp_path, monkeypatch)


def start(root: Path, verb: str, branch: str, head: str, failpoint: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, **({"FLEET_FAILPOINT": failpoint} if failpoint else {})}
    return subprocess.Popen(
        [sys.executable, "-c", _ACTOR, str(root), verb, branch, head],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.strip()


def die(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL


def test_processes_that_open_one_branch_at_once_make_one_pull_request(world: LocalWorld) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    roots = [world.clone(f"P{n}") for n in range(4)]
    running = [start(root, "open", BRANCH, head) for root in roots]
    assert {finish(process) for process in running} == {"1"}
    assert len(world.forge("Ada").list(None)) == 1


def test_processes_in_one_clone_do_not_disturb_each_other(world: LocalWorld) -> None:
    root = world.clone("Ada")
    heads = {f"topic/{n}": world.push(f"topic/{n}", f"{n}.txt", "x") for n in range(4)}
    running = [start(root, "open", branch, head) for branch, head in heads.items()]
    assert {finish(process) for process in running} == {"1", "2", "3", "4"}


@pytest.mark.parametrize("failpoint", ["forge.before-push", "forge.after-push"])
def test_open_converges_after_a_kill(world: LocalWorld, failpoint: str) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    root = world.clone("Ada")
    die(start(root, "open", BRANCH, head, failpoint))
    assert finish(start(root, "open", BRANCH, head)) == "1"
    assert [(p.number, p.head, p.state) for p in world.forge("Bob").list(None)] == [(1, head, PullRequestState.OPEN)]


@pytest.mark.parametrize("failpoint", ["forge.before-push", "forge.after-push"])
def test_merge_converges_after_a_kill(world: LocalWorld, failpoint: str) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    world.forge("Ada").open(draft(head))
    root = world.clone("Bob")
    die(start(root, "merge", BRANCH, head, failpoint))
    finish(start(root, "merge", BRANCH, head))
    main = world.head("main")
    assert main
    assert world.content(main, "a.txt") == "2"
    assert git(world.origin, "rev-list", "--count", "--first-parent", "main") == "2"
    assert set(remote_refs(world.origin)) == {"refs/heads/main", pull_ref(1)}


@pytest.mark.parametrize("verb", ["approve", "close"])
@pytest.mark.parametrize("failpoint", ["forge.before-push", "forge.after-push"])
def test_approve_and_close_converge_after_a_kill(world: LocalWorld, verb: str, failpoint: str) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    world.forge("Ada").open(draft(head))
    root = world.clone("Bob")
    die(start(root, verb, BRANCH, head, failpoint))
    finish(start(root, verb, BRANCH, head))
    pull_request = world.forge("Ada").get(1)
    if verb == "approve":
        assert len(pull_request.approvals) == 1
    else:
        assert pull_request.state is PullRequestState.CLOSED
        assert set(remote_refs(world.origin)) == {"refs/heads/main", pull_ref(1)}


def test_an_open_pull_request_is_two_refs_on_one_commit(world: LocalWorld) -> None:
    world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
    refs = remote_refs(world.origin)
    assert refs[pull_ref(1)] == refs[open_ref(BRANCH)]


def torn(repository: GitRepository, monkeypatch: pytest.MonkeyPatch, *missing: str) -> LocalForge:
    """Return a forge whose first look misses some refs, as in the middle of somebody's push."""
    looks = [missing]
    real = repository.list_refs

    def list_refs(prefix: str) -> dict[str, str]:
        unseen = looks.pop() if looks else ()
        return {ref: commit for ref, commit in real(prefix).items() if ref not in unseen}

    monkeypatch.setattr(repository, "list_refs", list_refs)
    return LocalForge(repository, RealClock())


def test_refs_that_were_listed_in_the_middle_of_a_push_are_looked_at_again(
    world: LocalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    opened = world.forge("Ada").open(draft(head))
    for unseen in (pull_ref(1), open_ref(BRANCH)):
        assert torn(world.repository("Ada"), monkeypatch, unseen).open(draft(head)) == opened
    assert torn(world.repository("Bob"), monkeypatch, pull_ref(1)).find_open(BRANCH) == opened
    assert torn(world.repository("Bob"), monkeypatch, pull_ref(1)).list() == (opened,)
    approved = torn(world.repository("Bob"), monkeypatch, f"refs/heads/{BRANCH}").approve(1, head)
    assert len(approved.approvers) == 1
    assert len(world.forge("Ada").list(None)) == 1


def test_a_pull_request_that_somebody_deleted_is_an_error_with_its_ref(world: LocalWorld) -> None:
    world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
    git(world.origin, "update-ref", "-d", pull_ref(1))
    with pytest.raises(ForgeError, match="which is gone"):
        world.forge("Ada").find_open(BRANCH)


def test_history_of_a_pull_request_is_a_git_log(world: LocalWorld) -> None:
    opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
    world.forge("Bob").approve(1, opened.head)
    world.forge("Bob").merge(1, opened.head, "Merge")
    subjects = git(world.origin, "log", "--first-parent", "--format=%an %s", pull_ref(1)).splitlines()
    assert [s.partition(" at ")[0] for s in subjects[:3]] == [
        "Bob Pull request #1: merged",
        "Bob Pull request #1: approved",
        "Ada Pull request #1: opened",
    ]


def test_the_head_of_a_closed_pull_request_survives_garbage_collection(world: LocalWorld) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    world.forge("Ada").open(draft(head))
    world.forge("Ada").close(1)
    git(world.origin, "gc", "--quiet", "--prune=now")
    assert git(world.origin, "cat-file", "-t", head) == "commit"


def test_the_clone_stays_as_it_was(world: LocalWorld) -> None:
    head = world.push(BRANCH, "a.txt", "2")
    repository = world.repository("Ada")
    before = git(repository.root, "rev-parse", "HEAD"), git(repository.root, "status", "--porcelain", "--branch")
    forge = LocalForge(repository, RealClock())
    forge.open(draft(head))
    forge.merge(1, head, "Merge")
    assert git(repository.root, "rev-parse", "HEAD") == before[0]
    assert git(repository.root, "status", "--porcelain") == ""
    assert git(repository.root, "stash", "list") == ""


def test_a_moved_branch_is_noted(world: LocalWorld) -> None:
    opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
    head = world.push(BRANCH, "a.txt", "by hand")
    assert f"moved from {opened.head[:7]} to {head[:7]}" in world.forge("Ada").get(1).note
    world.delete(BRANCH)
    assert "deleted by hand" in world.forge("Ada").get(1).note


def test_a_document_of_somebody_else_is_an_error_with_the_ref(world: LocalWorld) -> None:
    git(world.origin, "update-ref", pull_ref(1), "main")
    with pytest.raises(ForgeError, match="refs/fleet/pulls/1"):
        world.forge("Ada").get(1)


def test_works_without_a_remote(world: LocalWorld) -> None:
    root = world.clone("Ada")
    git(root, "remote", "remove", "origin")
    head = git(root, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "topic")
    git(root, "update-ref", "refs/heads/topic", head)
    forge = LocalForge(GitRepository(root), RealClock())
    opened = forge.open(draft(head, branch="topic"))
    assert forge.open(draft(head, branch="topic")) == opened
    merged = forge.merge(1, head, "Merge")
    assert git(root, "rev-parse", "main") == merged.merge_commit
    assert "refs/heads/topic" not in remote_refs(root)


def test_an_unreachable_origin_is_named(world: LocalWorld) -> None:
    forge = world.forge("Ada")
    world.origin.rename(world.origin.with_name("moved.git"))
    with pytest.raises(UnreachableError, match="origin"):
        forge.list()
