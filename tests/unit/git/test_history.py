"""Reading the log."""

from __future__ import annotations

from fleet.adapters.git.repository import GitRepository
from tests.helpers.git import commit_all, git, write_files
from tests.unit.git.conftest import FILES


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
