"""Files of commits and of the work tree."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository
from fleet.errors import GitError
from fleet.ports.tree import EntryKind
from tests.helpers.git import commit_all, git, write_files
from tests.unit.git.conftest import FILES, main_of


def test_entries_of_a_commit_are_sorted_and_sized(repository: GitRepository) -> None:
    tree = repository.tree("HEAD")
    assert [(e.path, e.kind, e.size) for e in tree.entries()] == [
        (path, EntryKind.FILE, len(content)) for path, content in sorted(FILES.items())
    ]


@pytest.mark.parametrize("count", [1, 200])
def test_listings_of_small_and_large_directories_say_what_git_says(repository: GitRepository, count: int) -> None:
    write_files(repository.root, {f"apps/{n % 7}/{n:03d}ü": "x" * n for n in range(count)} | {"apps/sub/deep/x": ""})
    (repository.root / "apps" / "link").symlink_to("web/app.yaml")
    commit_all(repository.root)
    listing = git(repository.root, "-c", "core.quotePath=false", "ls-tree", "-r", "-l", "HEAD", "apps/").splitlines()
    told = [(*line.partition("\t")[0].split()[2:], line.partition("\t")[2]) for line in listing]
    entries = repository.tree("HEAD").entries("apps")
    assert [(e.oid, str(e.size), e.path) for e in entries] == sorted(told, key=lambda one: one[2])
    assert [e.path for e in entries if e.kind is EntryKind.SYMLINK] == ["apps/link"]


@pytest.mark.parametrize("listed_first", [True, False])
def test_a_prefix_is_a_directory_and_not_a_beginning(repository: GitRepository, listed_first: bool) -> None:
    for tree in (repository.tree("HEAD"), repository.work_tree()):
        if listed_first:
            tree.entries()
        assert [e.path for e in tree.entries("apps/web")] == ["apps/web/app.yaml", "apps/web/t/y.j2"]
        assert [(e.path, e.size) for e in tree.entries("apps/web/app.yaml")] == [("apps/web/app.yaml", 5)]
        assert tuple(tree.entries("apps/we")) == ()
        assert tuple(tree.entries("a.txt/b")) == ()


def test_origin_of_a_tree_is_for_people(repository: GitRepository) -> None:
    head = main_of(repository)
    assert repository.tree(head).origin == f"origin/main at {head[:7]}"


def test_a_pinned_revision_is_read_from_the_object_store(repository: GitRepository) -> None:
    old = repository.resolve("HEAD")
    write_files(repository.root, {"apps/web/t/y.j2": "new\n"})
    commit_all(repository.root)
    assert repository.tree(old).read_many(["apps/web/t/y.j2", "a.txt"]) == {
        "apps/web/t/y.j2": b"y\n",
        "a.txt": b"one\n",
    }
    assert repository.read_file("HEAD", "apps/web/t/y.j2") == b"new\n"
    assert repository.tree_id(old, "apps/webhook") == repository.tree_id("HEAD", "apps/webhook")
    assert repository.tree_id(old, "apps/web") != repository.tree_id("HEAD", "apps/web")
    assert repository.tree_id(old, "apps/none") is None


def test_links_and_submodules_are_listed_and_never_read(repository: GitRepository, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    (repository.root / "link").symlink_to(secret)
    (repository.root / "directory").symlink_to(tmp_path)
    git(repository.root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(repository.root, "add", "link", "directory")
    git(repository.root, "commit", "--quiet", "-m", "links")
    committed = repository.tree("HEAD")
    kinds = {e.path: e.kind for e in committed.entries()}
    assert (kinds["link"], kinds["directory"], kinds["module"]) == (
        EntryKind.SYMLINK,
        EntryKind.SYMLINK,
        EntryKind.SUBMODULE,
    )
    for tree in (committed, repository.work_tree()):
        for path in ("link", "directory", "directory/secret"):
            with pytest.raises(GitError) as caught:
                tree.read(path)
            assert "CANARY" not in str(caught.value)
        assert [e.kind for e in tree.entries("link")] == [EntryKind.SYMLINK]
        assert tuple(tree.entries("directory/secret")) == ()


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "apps/../a.txt", ".git/config", "a.txt/x", "apps", "", "no"]
)
def test_paths_outside_and_what_is_no_file_are_refused(repository: GitRepository, path: str) -> None:
    for tree in (repository.tree("HEAD"), repository.work_tree()):
        with pytest.raises(GitError):
            tree.read(path)


def test_a_pipe_in_the_work_tree_does_not_block(repository: GitRepository) -> None:
    os.mkfifo(repository.root / "pipe")
    assert [e.kind for e in repository.work_tree().entries("pipe")] == [EntryKind.OTHER]
    with pytest.raises(GitError, match="plain file"):
        repository.work_tree().read("pipe")


def test_the_work_tree_shows_files_that_are_not_committed(repository: GitRepository) -> None:
    write_files(repository.root, {"new.yaml": "n", ".fleet/fleet.db": "x", "sub/.git/HEAD": "x", "sub/f": "x"})
    paths = {e.path: e.kind for e in repository.work_tree().entries()}
    assert paths["new.yaml"] is EntryKind.FILE
    assert paths["sub"] is EntryKind.SUBMODULE
    assert not [p for p in paths if p.startswith((".git", ".fleet"))]


def test_a_tree_that_leads_out_is_not_read(repository: GitRepository) -> None:
    blob = git(repository.root, "hash-object", "-w", "--stdin", feed="x")
    raw = b"100644 ..\0" + bytes.fromhex(blob)
    done = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
        cwd=repository.root,
        input=raw,
        capture_output=True,
        check=True,
    )
    commit = git(repository.root, "commit-tree", done.stdout.decode().strip(), "-m", "evil")
    tree = repository.tree(commit)
    with pytest.raises(GitError, match="not read"):
        tree.entries()
    with pytest.raises(GitError, match="not read"):
        tree.read("x")


def test_threads_read_side_by_side(repository: GitRepository) -> None:
    files = {f"d/{n}.txt": f"{n}" * (n + 1) for n in range(50)}
    write_files(repository.root, files)
    tree = repository.tree(commit_all(repository.root))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: tree.read_many(files), range(16)):
            assert {path: content.decode() for path, content in found.items()} == files


def test_names_that_are_not_text_are_listed(repository: GitRepository) -> None:
    (Path(os.fsdecode(os.fsencode(repository.root) + b"/\xff.txt"))).write_text("x")
    commit_all(repository.root)
    assert r"\xff.txt" in [e.path for e in repository.tree("HEAD").entries()]
    assert r"\xff.txt" in [e.path for e in repository.work_tree().entries()]
