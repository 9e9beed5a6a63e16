"""Pushes are compare-and-swap; remotes are told by their reasons."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository
from fleet.errors import ConflictError, GitError, UnreachableError
from fleet.ports.repository import RefUpdate
from tests.helpers.git import clone, git, make_repository, push_file, remote_refs, write_files
from tests.unit.git.conftest import Open, main_of


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
