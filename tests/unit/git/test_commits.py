"""Commits and merges are made without a checkout."""

from __future__ import annotations

import pytest

from fleet.adapters.git.repository import GitRepository
from fleet.errors import ConflictError, GitError
from tests.helpers.git import commit_all, git, write_files

# ── commits ──


def test_commit_changes_only_its_files_and_nothing_in_the_clone(repository: GitRepository) -> None:
    root = repository.root
    write_files(root, {"a.txt": "dirty", "staged.txt": "s"})
    git(root, "add", "staged.txt")
    before = git(root, "status", "--porcelain"), git(root, "for-each-ref")
    head = repository.resolve("HEAD")
    files = {"apps/web/app.yaml": b"x: 2\n", "new/deep/file": b"\x00\xff", "apps/webhook/z": None, "never/was": None}
    commit = repository.commit([head], files, "Subject\n\nBody")
    assert (git(root, "status", "--porcelain"), git(root, "for-each-ref")) == before
    tree = repository.tree(commit)
    assert [e.path for e in tree.entries()] == ["a.txt", "apps/web/app.yaml", "apps/web/t/y.j2", "new/deep/file"]
    assert tree.read("new/deep/file") == b"\x00\xff"
    assert tree.read("a.txt") == b"one\n"
    assert git(root, "log", "-1", "--format=%P|%an|%B", commit).strip() == f"{head}|Ada|Subject\n\nBody"


def test_commit_is_the_same_for_the_same_date(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
    head = repository.resolve("HEAD")
    assert repository.commit([head], {"a": b"1"}, "m") == repository.commit([head], {"a": b"1"}, "m")


def test_commit_keeps_modes_and_can_start_empty(repository: GitRepository) -> None:
    script = repository.root / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    head = commit_all(repository.root)
    changed = repository.commit([head], {"run.sh": b"#!/bin/bash\n"}, "m")
    assert git(repository.root, "ls-tree", changed, "run.sh").startswith("100755 ")
    alone = repository.commit([head], {"only": b"1"}, "m", empty=True)
    assert [e.path for e in repository.tree(alone).entries()] == ["only"]
    assert git(repository.root, "log", "-1", "--format=%P", alone) == head


@pytest.mark.parametrize("path", ["../x", "/x", "a/../x", ".git/hooks/x", "a.txt/x", "apps", "link", ""])
def test_commit_refuses_paths_that_are_no_plain_files(repository: GitRepository, path: str) -> None:
    (repository.root / "link").symlink_to("a.txt")
    head = commit_all(repository.root)
    with pytest.raises(GitError):
        repository.commit([head], {path: b"x"}, "m")


def test_an_unknown_identity_says_how_to_set_it(repository: GitRepository) -> None:
    for key in ("user.name", "user.email"):
        git(repository.root, "config", "--unset", key)
    with pytest.raises(GitError, match="does not know who you are") as caught:
        repository.commit([repository.resolve("HEAD")], {"a": b"1"}, "m")
    assert any("git config --global user.email" in hint for hint in caught.value.hints)
    with pytest.raises(GitError, match="does not know who you are"):
        _ = repository.identity


def test_identity_follows_the_environment(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repository.identity == "Ada <ada@example.com>"
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace Hopper")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "grace@example.com")
    assert repository.identity == "Grace Hopper <grace@example.com>"


# ── merges ──


def test_conflicts_name_the_paths(repository: GitRepository) -> None:
    head = repository.resolve("HEAD")
    ours = repository.commit([head], {"a.txt": b"ours\n", "apps/web/app.yaml": b"x: 2\n"}, "ours")
    theirs = repository.commit([head], {"a.txt": b"theirs\n", "apps/web/app.yaml": b"x: 3\n"}, "theirs")
    assert list(repository.conflicts(ours, theirs)) == ["a.txt", "apps/web/app.yaml"]
    with pytest.raises(ConflictError, match=r"`a\.txt`, `apps/web/app\.yaml`"):
        repository.merge(ours, theirs, "m")
    assert list(repository.conflicts(head, theirs)) == []


def test_a_merge_never_moves_a_change_to_a_renamed_file(repository: GitRepository) -> None:
    content = b"".join(b"line %d\n" % n for n in range(40))
    start = repository.commit([repository.resolve("HEAD")], {"environments/staging/x": content}, "start")
    ours = repository.commit([start], {"environments/staging/x": None, "environments/prod/x": content}, "rename")
    theirs = repository.commit([start], {"environments/staging/x": content + b"more\n"}, "change")
    conflicts = list(repository.conflicts(ours, theirs))
    assert conflicts in (["environments/prod/x"], ["environments/staging/x"])  # by git's age


def test_changed_paths_are_those_since_the_branch_was_left(repository: GitRepository) -> None:
    start = repository.resolve("HEAD")
    topic = repository.commit([start], {"topic.txt": b"t", "a.txt": None}, "topic")
    base = repository.commit([start], {"base.txt": b"b"}, "base")
    assert list(repository.changed_paths(base, topic)) == ["a.txt", "topic.txt"]
    assert "base.txt" not in repository.diff(base, topic)
    assert "topic.txt" not in repository.diff(base, topic, ["a.txt"])
