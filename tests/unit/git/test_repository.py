"""Reading and writing a real clone of a real origin."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository, find_root
from fleet.errors import ConflictError, GitError, ToolError, UnreachableError
from fleet.ports.repository import RefUpdate
from fleet.ports.tree import EntryKind
from tests.helpers.git import clone, commit_all, git, identify, make_repository, push_file, remote_refs, write_files
from tests.unit.git.conftest import FILES, Open


def main_of(repository: GitRepository) -> str:
    head = repository.head_of("main")
    assert head
    return head


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


# ── trees ──


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


# ── history ──


def test_log_has_everything_of_a_commit(repository: GitRepository) -> None:
    write_files(repository.root, {"a.txt": "2", "with\nnewline": "x"})
    message = "Subject\n\nBody with \x01 odd bytes\n\nFleet-App: web"
    commit_all(repository.root, message)
    newest, oldest = repository.log("HEAD", with_paths=True)
    assert (newest.message, newest.paths) == (message, ("a.txt", "with\nnewline"))
    assert newest.parents == (oldest.id,)
    assert str(newest.author) == "Ada <ada@example.com>"
    assert newest.author.time.tzinfo is not None
    assert set(oldest.paths) == set(FILES)


def test_log_can_be_narrowed(repository: GitRepository) -> None:
    root = repository.root
    for n in range(3):
        write_files(root, {"apps/web/app.yaml": f"x: {n + 2}\n", "a.txt": f"{n}"})
        commit_all(root, f"web {n}")
    write_files(root, {"apps/webhook/z": "other"})
    commit_all(root, "hook")
    assert [c.message for c in repository.log("HEAD", paths=["apps/web"], limit=2)] == ["web 2", "web 1"]
    with_paths = next(repository.log("HEAD", paths=["apps/web"], limit=1, with_paths=True))
    assert with_paths.paths == ("a.txt", "apps/web/app.yaml")
    assert repository.last_change("HEAD", "apps/webhook") == repository.resolve("HEAD")
    assert repository.last_change("HEAD", "apps/web") == repository.resolve("HEAD~1")
    assert repository.last_change("HEAD", "none") is None


def test_a_merge_lists_what_it_brought_to_its_first_parent(repository: GitRepository) -> None:
    head = repository.resolve("HEAD")
    side = repository.commit([head], {"side.txt": b"s"}, "side")
    ours = repository.commit([head], {"ours.txt": b"o"}, "ours")
    merge = repository.merge(ours, side, "merge")
    log = list(repository.log(merge, first_parent=True, with_paths=True))
    assert [(c.message, c.paths) for c in log[:2]] == [("merge", ("side.txt",)), ("ours", ("ours.txt",))]
    assert repository.is_ancestor(side, merge)
    assert repository.is_ancestor(merge, merge)
    assert not repository.is_ancestor(merge, side)


def test_settings_of_the_user_do_not_change_how_log_is_read(repository: GitRepository) -> None:
    for setting, value in {
        "log.showSignature": "true",
        "log.decorate": "full",
        "log.follow": "true",
        "color.ui": "always",
        "diff.renames": "copies",
        "diff.noprefix": "true",
        "diff.external": "false",
        "core.quotePath": "true",
        "format.pretty": "oneline",
    }.items():
        git(repository.root, "config", setting, value)
    new = repository.commit([repository.resolve("HEAD")], {"a.txt": None, "é.txt": b"one\n"}, "rename")
    assert next(repository.log(new, with_paths=True, paths=["a.txt"])).paths == ("a.txt", "é.txt")
    assert list(repository.changed_paths("HEAD", new)) == ["a.txt", "é.txt"]
    assert "--- a/a.txt" in repository.diff("HEAD", new)


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


# ── pushes ──


def test_push_creates_moves_and_deletes(repository: GitRepository, origin: Path) -> None:
    head = main_of(repository)
    one = repository.commit([head], {"x": b"1"}, "one")
    two = repository.commit([head], {"x": b"2"}, "two")
    repository.push([RefUpdate("refs/heads/topic", None, one), RefUpdate("refs/fleet/pulls/1", None, two)])
    assert remote_refs(origin)["refs/heads/topic"] == one
    assert repository.head_of("topic") == one
    repository.push([RefUpdate("refs/heads/topic", one, two)])
    assert repository.read_ref("refs/heads/topic") == two
    assert repository.list_refs("refs/fleet/") == {"refs/fleet/pulls/1": two}
    repository.push([RefUpdate("refs/heads/topic", two, None), RefUpdate("refs/fleet/pulls/1", two, None)])
    assert set(remote_refs(origin)) == {"refs/heads/main"}
    assert repository.head_of("topic") is None
    assert repository.read_ref("refs/heads/topic") is None


def test_pushing_again_changes_nothing(repository: GitRepository) -> None:
    head = main_of(repository)
    one = repository.commit([head], {"x": b"1"}, "one")
    for _ in range(2):
        repository.push([RefUpdate("refs/heads/topic", None, one)])
    repository.push([RefUpdate("refs/heads/topic", None, one), RefUpdate("refs/heads/other", None, one)])
    for _ in range(2):
        repository.push([RefUpdate("refs/heads/topic", one, None)])
    repository.push([RefUpdate("refs/heads/topic", one, None), RefUpdate("refs/heads/other", one, None)])
    assert set(repository.list_refs("refs/")) == {"refs/heads/main"}


def test_a_lost_race_says_who_moved_what(repository: GitRepository, other: GitRepository) -> None:
    head = main_of(repository)
    mine = repository.commit([head], {"x": b"1"}, "mine")
    theirs = push_file(other.root, "main", "a.txt", "theirs")
    with pytest.raises(ConflictError) as caught:
        repository.push([RefUpdate("refs/heads/topic", None, mine), RefUpdate("refs/heads/main", head, mine)])
    assert caught.value.message == (
        f"somebody else was faster: `refs/heads/main` was moved from {head[:7]} to {theirs[:7]} "
        "by Bob <bob@example.com>"
    )
    assert "refs/heads/topic" not in repository.list_refs("refs/")


def test_a_ref_that_must_stay_is_checked(repository: GitRepository, other: GitRepository) -> None:
    head = main_of(repository)
    mine = repository.commit([head], {"x": b"1"}, "mine")
    repository.push([RefUpdate("refs/heads/main", head, head), RefUpdate("refs/heads/topic", None, mine)])
    push_file(other.root, "main", "a.txt", "theirs")
    with pytest.raises(ConflictError):
        repository.push([RefUpdate("refs/heads/main", head, head), RefUpdate("refs/heads/topic", mine, None)])


def test_a_ref_that_is_gone_is_a_conflict(repository: GitRepository) -> None:
    head = main_of(repository)
    mine = repository.commit([head], {"x": b"1"}, "mine")
    with pytest.raises(ConflictError, match="is gone"):
        repository.push([RefUpdate("refs/heads/topic", head, mine)])


def test_one_of_many_wins(origin: Path, tmp_path: Path, open_repository: Open) -> None:
    people = [open_repository(clone(origin, tmp_path / f"p{n}", name=f"P{n}")) for n in range(6)]
    head = main_of(people[0])

    def race(person: GitRepository) -> str | None:
        mine = person.commit([head], {"x": person.root.name.encode()}, person.root.name)
        try:
            person.push([RefUpdate("refs/heads/main", head, mine)])
        except ConflictError:
            return None
        return mine

    with ThreadPoolExecutor(6) as pool:
        winners = [w for w in pool.map(race, people) if w]
    assert winners == [remote_refs(origin)["refs/heads/main"]]


def test_pushes_to_different_refs_at_once_all_arrive(repository: GitRepository) -> None:
    head = main_of(repository)
    commits = [repository.commit([head], {"x": b"%d" % n}, f"{n}") for n in range(8)]

    def push(n: int) -> None:
        repository.push([RefUpdate(f"refs/heads/t/{n}", None, commits[n])])
        repository.push([RefUpdate(f"refs/heads/t/{n}", commits[n], None)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(8)))
    assert set(repository.list_refs("refs/")) == {"refs/heads/main"}


def test_hooks_of_the_clone_do_not_run(repository: GitRepository, tmp_path: Path) -> None:
    hooks = repository.root / ".git" / "hooks"
    for name in ("pre-push", "reference-transaction", "post-commit", "pre-commit", "commit-msg"):
        write_files(hooks, {name: f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\nexit 1\n"})
        (hooks / name).chmod(0o755)
    one = repository.commit([main_of(repository)], {"x": b"1"}, "one")
    repository.push([RefUpdate("refs/heads/topic", None, one)])
    repository.fetch()
    assert not list(tmp_path.glob("ran-*"))


def test_a_refusal_of_the_remote_is_told_with_its_reason(repository: GitRepository, origin: Path) -> None:
    write_files(origin, {"hooks/pre-receive": "#!/bin/sh\necho 'policy says no' >&2\nexit 1\n"})
    (origin / "hooks" / "pre-receive").chmod(0o755)
    one = repository.commit([main_of(repository)], {"x": b"1"}, "one")
    with pytest.raises(GitError, match="policy says no"):
        repository.push([RefUpdate("refs/heads/topic", None, one)])


def test_a_branch_that_is_checked_out_on_the_remote_is_explained(tmp_path: Path, open_repository: Open) -> None:
    upstream = make_repository(tmp_path / "upstream")
    repository = open_repository(clone(upstream, tmp_path / "mine"))
    head = main_of(repository)
    one = repository.commit([head], {"x": b"1"}, "one")
    with pytest.raises(GitError, match="checked out") as caught:
        repository.push([RefUpdate("refs/heads/main", head, one)])
    assert "bare" in caught.value.hints[0]


def test_an_unreachable_remote_is_named_without_its_credentials(repository: GitRepository) -> None:
    git(repository.root, "remote", "set-url", "origin", "https://user:CANARY@127.0.0.1:1/x.git")
    one = repository.commit([repository.resolve("HEAD")], {"x": b"1"}, "one")
    repository.prefetch()
    attempts: list[Callable[[], object]] = [
        repository.fetch,  # the one that was begun
        repository.fetch,
        lambda: repository.read_ref("refs/heads/main"),
        lambda: repository.push([RefUpdate("refs/heads/topic", None, one)]),
    ]
    for attempt in attempts:
        with pytest.raises(UnreachableError, match="`origin` cannot be reached") as caught:
            attempt()
        assert "CANARY" not in f"{caught.value!r} {caught.value.hints}"


@pytest.mark.parametrize("url", ["ext::sh -c 'touch ran' %S", "http://127.0.0.1:1/x", "git://127.0.0.1/x"])
def test_other_transports_are_refused(repository: GitRepository, url: str) -> None:
    git(repository.root, "remote", "set-url", "origin", url)
    with pytest.raises(GitError, match="does not talk to"):
        repository.fetch()


def test_a_rewritten_address_cannot_bring_in_another_transport(repository: GitRepository) -> None:
    git(repository.root, "config", "url.ext::sh -c 'touch ran' .insteadOf", "https://x/")
    git(repository.root, "remote", "set-url", "origin", "https://x/y")
    with pytest.raises(GitError):
        repository.fetch()
    assert not (repository.root / "ran").exists()


def test_another_remote_than_the_declared_one_is_an_error(root: Path, open_repository: Open) -> None:
    with pytest.raises(GitError, match="there is no git remote `upstream`; there is `origin`"):
        open_repository(root, "upstream").fetch()


@pytest.mark.parametrize("name", ["-x", "", "ext::x"])
def test_a_remote_with_an_odd_name_is_refused(root: Path, name: str) -> None:
    with pytest.raises(GitError):
        GitRepository(root, name)


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
