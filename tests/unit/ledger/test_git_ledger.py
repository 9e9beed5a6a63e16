"""The ledger in real git: appending from many places, after crashes, and what rewriting it leads to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository
from fleet.adapters.ledger.ledger import REF, GitLedger
from fleet.engine.ledger import key_of
from fleet.errors import LedgerError, UnreachableError
from fleet.model.ledger import EntryKind, LedgerDraft
from fleet.operations.audit import verify
from fleet.ports.ledger import LedgerReader
from tests.helpers.git import IDENTITY_VARIABLES, clone, git, make_origin, make_repository
from tests.helpers.promoting import Clock
from tests.helpers.reporting import RecordingReporter

ROOT = Path(__file__).resolve().parents[3]


def draft(name: str, **data: str) -> LedgerDraft:
    return LedgerDraft(kind=EntryKind.OPENED, key=key_of("test", name), app="web", environment="prod", data=data)


@contextmanager
def ledger(root: Path) -> Iterator[GitLedger]:
    """Give the ledger as a new process sees it."""
    repository = GitRepository(root)
    try:
        yield GitLedger(repository, Clock(), root / ".fleet" / "ledger.json")
    finally:
        repository.close()


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    return make_origin(tmp_path / "origin.git")


@pytest.fixture
def ada(origin: Path) -> Path:
    return clone(origin, origin.parent / "ada", name="Ada")


@pytest.fixture
def bob(origin: Path) -> Path:
    return clone(origin, origin.parent / "bob", name="Bob")


def numbers(found: LedgerReader) -> list[int]:
    return [entry.sequence for entry in found.entries()]


def problems(root: Path) -> list[str]:
    """Return what `fleet audit verify` would say is wrong with the ledger itself."""
    with ledger(root) as found:
        report = verify(
            ledger=found,
            repository=found._repository,
            pin_editor=None,  # type: ignore[arg-type]  # no decision, so no pin is read
            branch="main",
            reporter=RecordingReporter(),
        )
        said = [f"{fault.where}: {fault.what}" for fault in report.faults]
        return [*said, report.rewritten] if report.rewritten else said


def test_two_clones_append_in_turn_and_a_key_counts_once(ada: Path, bob: Path) -> None:
    with ledger(ada) as one, ledger(bob) as two:
        assert one.head() is None
        assert not one.has(draft("a").key)
        first = one.append([draft("a", note="with ünicode\nand a line"), draft("b")])
        assert [e.sequence for e in first] == [1, 2]
        assert first[0].actor == "Ada <ada@example.com>"
        second = two.append([draft("b"), draft("c"), draft("c")])
        assert [(e.sequence, e.previous, e.actor) for e in second] == [(3, first[1].hash, "Bob <bob@example.com>")]
        assert one.append([draft("c")]) == ()
        assert one.has(draft("c").key)
        assert numbers(one) == [3, 2, 1]
        assert list(one.entries())[-1] == first[0]
        head = one.head()
        assert head is not None
        assert (head.sequence, head.hash) == (3, second[0].hash)
    assert problems(ada) == []


def test_nothing_to_append_writes_nothing(origin: Path, ada: Path) -> None:
    with ledger(ada) as one:
        assert one.append([]) == ()
    assert REF not in git(origin, "for-each-ref", "--format=%(refname)")


def test_an_unreachable_remote_fails(origin: Path, ada: Path) -> None:
    origin.rename(origin.with_name("gone"))
    with ledger(ada) as one, pytest.raises(UnreachableError):
        one.append([draft("a")])


def test_a_repository_without_a_remote_keeps_its_own(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "alone")
    with ledger(root) as own:
        own.append([draft("a")])
        assert numbers(own) == [1]
    assert git(root, "rev-parse", REF)


@pytest.mark.parametrize("how", ["replaced", "cut short", "deleted"])
def test_a_ledger_that_was_rewritten_is_told_and_not_written_to(origin: Path, ada: Path, bob: Path, how: str) -> None:
    with ledger(ada) as one:
        one.append([draft("a")])
        one.append([draft("b")])
    if how == "replaced":
        git(origin, "update-ref", "-d", REF)
        with ledger(bob) as two:
            two.append([draft("a")])
    elif how == "cut short":
        git(origin, "update-ref", REF, f"{REF}^")
    else:
        git(origin, "update-ref", "-d", REF)
    with ledger(ada) as one:
        with pytest.raises(LedgerError) as caught:
            one.append([draft("c")])
        assert caught.value.code == "FLT-LED-003"
        assert "rewritten" in caught.value.message
    assert any("entr" in text for text in problems(ada))
    with ledger(ada) as one:
        one.remember()  # as `fleet audit verify --accept` does
        assert len(one.append([draft("c")])) == 1


def test_a_clone_that_knows_less_than_it_saw_fetches_first(ada: Path, bob: Path) -> None:
    with ledger(ada) as one:
        one.append([draft("a")])
    git(ada, "update-ref", "-d", "refs/fleet-mirror/origin/ledger")
    with ledger(ada) as one:
        assert [e.sequence for e in one.append([draft("b")])] == [2]


def test_a_changed_entry_is_found(origin: Path, ada: Path) -> None:
    with ledger(ada) as one:
        one.append([draft("a", note="good")])
        one.append([draft("b")])
    first = git(origin, "rev-parse", f"{REF}~1")
    text = git(origin, "cat-file", "commit", first).replace("good", "evil")
    changed = git(origin, "hash-object", "-t", "commit", "-w", "--stdin", feed=text + "\n")
    second = git(origin, "cat-file", "commit", REF).replace(first, changed)
    git(origin, "update-ref", REF, git(origin, "hash-object", "-t", "commit", "-w", "--stdin", feed=second + "\n"))
    said = problems(ada)
    assert any(text.startswith("entry 1: its content does not have the hash") for text in said)
    assert any("does not contain entry 2" in text for text in said)


@pytest.mark.parametrize("point", ["ledger.before-push", "ledger.after-push"])
def test_an_append_that_is_killed_is_there_once_when_it_is_repeated(ada: Path, point: str) -> None:
    command = [sys.executable, "-m", "tests.unit.ledger.appending", str(ada), "x", "2", "1"]
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(ada), "PATH": "/usr/bin:/bin", "FLEET_FAILPOINT": f"{point}:2"}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    del environment["FLEET_FAILPOINT"]
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    with ledger(ada) as one:
        assert numbers(one) == [2, 1]
    assert problems(ada) == []


def test_eight_processes_append_fifty_entries_each(origin: Path, ada: Path) -> None:
    names = [f"p{number}" for number in range(8)]
    roots = [clone(origin, origin.parent / name, name=name) for name in names]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.unit.ledger.appending", str(root), name, "5", "10"],
            env={"PYTHONPATH": str(ROOT), "HOME": str(root), "PATH": "/usr/bin:/bin"},
        )
        for root, name in zip(roots, names, strict=True)
    ]
    assert [process.wait(timeout=500) for process in started] == [0] * 8
    with ledger(ada) as one:
        one._repository.fetch()
        found = list(one.entries())
    assert [entry.sequence for entry in reversed(found)] == list(range(1, 401))
    wanted = {
        key_of("test", f"{name}-{batch}-{number}") for name in names for batch in range(5) for number in range(10)
    }
    assert {entry.key for entry in found} == wanted
    assert problems(ada) == []
