"""Finding and opening a real clone of a real origin, and naming its commits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository, find_root
from fleet.errors import ConflictError, GitError, ToolError
from fleet.ports.repository import RefUpdate
from tests.helpers.git import git, identify, make_repository, push_file, write_files
from tests.unit.git.conftest import Open, main_of

# ── where the repository is ──


def test_root_is_found_from_any_directory_below(root: Path) -> None:
    assert find_root(root / "apps" / "web") == root


def test_no_repository_names_init(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not inside a git repository") as caught:
        find_root(tmp_path)
    assert "fleet init" in caught.value.hints[0]


def test_a_bare_repository_names_clone(origin: Path) -> None:
    with pytest.raises(GitError, match="bare") as caught:
        find_root(origin)
    assert caught.value.hints[0].startswith("git clone ")


def test_a_repository_without_a_commit_says_so(tmp_path: Path, open_repository: Open) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "empty")
    repository = open_repository(tmp_path / "empty")
    assert repository.head_of("main") is None
    with pytest.raises(GitError, match="no commit yet"):
        repository.resolve("HEAD")


def test_a_linked_work_tree_works(root: Path, tmp_path: Path, open_repository: Open) -> None:
    git(root, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "linked")
    repository = open_repository(find_root(tmp_path / "linked" / "apps"))
    repository.fetch()
    assert repository.tree(main_of(repository)).read("a.txt") == b"one\n"


def test_variables_of_a_surrounding_git_hook_do_not_lead_elsewhere(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = make_repository(tmp_path / "decoy", {"decoy": "x"})
    monkeypatch.setenv("GIT_DIR", str(decoy / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(decoy))
    monkeypatch.setenv("GIT_INDEX_FILE", str(decoy / ".git" / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(decoy / ".git" / "objects"))
    monkeypatch.setenv("GIT_TRACE", "2")
    assert repository.tree(repository.resolve("HEAD")).read("a.txt") == b"one\n"


def test_a_missing_git_is_named(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match="git is not installed"):
        repository.fetch()


def test_an_old_git_is_named(repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path / "bin", {"git": "#!/bin/sh\necho git version 2.30.2\n"})
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(ToolError, match=r"needs 2\.38 or newer, this is `git version 2\.30\.2`"):
        repository.fetch()


def test_a_repository_with_long_object_ids_is_refused_in_words(tmp_path: Path, open_repository: Open) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "long")
    identify(tmp_path / "long", "Ada")
    git(tmp_path / "long", "commit", "--quiet", "--allow-empty", "-m", "x")
    with pytest.raises(GitError, match="SHA-256"):
        open_repository(tmp_path / "long").tree(git(tmp_path / "long", "rev-parse", "HEAD"))


# ── revisions ──


def test_head_of_is_the_remote_one_as_last_fetched(repository: GitRepository, other: GitRepository) -> None:
    before = main_of(repository)
    pushed = push_file(other.root, "main", "a.txt", "two\n")
    assert repository.head_of("main") == before
    repository.fetch()
    assert repository.head_of("main") == pushed
    assert repository.head_of("nowhere") is None


def test_a_fetch_that_was_begun_is_waited_for_once(repository: GitRepository, other: GitRepository) -> None:
    first = push_file(other.root, "main", "a.txt", "two\n")
    repository.prefetch()
    repository.fetch()
    assert repository.head_of("main") == first
    second = push_file(other.root, "main", "a.txt", "three\n")
    repository.fetch()
    assert repository.head_of("main") == second


def test_branches_that_are_gone_are_forgotten(repository: GitRepository, other: GitRepository) -> None:
    push_file(other.root, "topic", "a.txt", "x")
    repository.fetch()
    assert repository.head_of("topic")
    git(other.root, "push", "--quiet", "origin", ":topic")
    push_file(other.root, "topic/deeper", "a.txt", "x")
    repository.fetch()
    assert repository.head_of("topic") is None
    assert repository.head_of("topic/deeper")


@pytest.mark.parametrize("revision", ["--all", "-1", "nope", "HEAD:a.txt", "$(touch x)", "HEAD^{tree}", "main..HEAD"])
def test_what_is_no_commit_is_refused(repository: GitRepository, revision: str) -> None:
    with pytest.raises(GitError):
        repository.resolve(revision)


def test_revisions_resolve_to_full_ids(repository: GitRepository) -> None:
    head = git(repository.root, "rev-parse", "HEAD")
    git(repository.root, "tag", "-a", "v1", "-m", "v1")
    for revision in ("HEAD", "main", "v1", "origin/main", head, head[:10], "HEAD~0"):
        assert repository.resolve(revision) == head


def test_a_shallow_clone_names_unshallow(origin: Path, root: Path, tmp_path: Path, open_repository: Open) -> None:
    first = git(root, "rev-parse", "HEAD")
    push_file(root, "main", "a.txt", "two\n")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", "shallow")
    with pytest.raises(GitError, match="shallow") as caught:
        open_repository(tmp_path / "shallow").resolve(first)
    assert caught.value.hints == ("git fetch --unshallow",)


# ── without a remote ──


def test_without_a_remote_the_clone_stands_for_itself(tmp_path: Path, open_repository: Open) -> None:
    repository = open_repository(make_repository(tmp_path / "alone"))
    repository.fetch()
    head = main_of(repository)
    one = repository.commit([head], {"x": b"1"}, "one")
    both = [RefUpdate("refs/heads/topic", None, one), RefUpdate("refs/heads/main", head, head)]
    repository.push(both)
    repository.push(both)
    assert repository.list_refs("refs/heads/") == {"refs/heads/main": head, "refs/heads/topic": one}
    with pytest.raises(ConflictError):
        repository.push([RefUpdate("refs/heads/new", None, one), RefUpdate("refs/heads/topic", head, None)])
    assert repository.read_ref("refs/heads/new") is None
    for _ in range(2):
        repository.push([RefUpdate("refs/heads/topic", one, None)])
    assert repository.read_ref("refs/heads/topic") is None


@pytest.mark.parametrize("ref", ["main", "refs/heads/a b", "refs/heads/-x", "refs/heads/x.lock", "refs/heads/a:b"])
def test_odd_refs_never_reach_git(repository: GitRepository, ref: str) -> None:
    with pytest.raises(GitError):
        repository.push([RefUpdate(ref, None, repository.resolve("HEAD"))])
