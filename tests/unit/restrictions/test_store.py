"""Restrictions in a real git remote: what is kept, who may change it, races, kills, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository
from fleet.adapters.restrictions.documents import COUNT_LIMIT, REF, SIZE_LIMIT, encode
from fleet.adapters.restrictions.git import GitRestrictions
from fleet.errors import RestrictionError, UnreachableError, UsageError
from fleet.failpoints import NAMES
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions
from tests.helpers.git import IDENTITY_VARIABLES, clone, git, make_repository

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ADA = "Ada <ada@example.com>"
BOB = "Bob <bob@example.com>"
REVISION = "a" * 40


def lock(identifier: str = "prod", owner: str = ADA, **more: object) -> Lock:
    given = {"id": identifier, "environment": "prod", "owner": owner, "reason": "quarter end", "created": NOW}
    return Lock.model_validate(given | more)


def hold(app: str = "web", reason: str = "rolled back", owner: str = ADA) -> Hold:
    return Hold(app=app, environment="prod", owner=owner, reason=reason, created=NOW)


def rejection(version: str = "1.1.0", reason: str = "loses orders") -> Rejection:
    return Rejection(app="web", version=version, revision=REVISION, owner=ADA, reason=reason, created=NOW)


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    seed = make_repository(tmp_path / "seed", {"fleet.yaml": "name: shop\n"})
    git(seed, "clone", "--quiet", "--bare", str(seed), str(tmp_path / "origin.git"))
    return tmp_path / "origin.git"


@contextmanager
def store_of(origin: Path, name: str = "Ada") -> Iterator[GitRestrictions]:
    root = origin.parent / name
    if not root.exists():
        clone(origin, root, name=name)
    repository = GitRepository(root)
    try:
        yield GitRestrictions(repository)
    finally:
        repository.close()


@pytest.fixture
def ada(origin: Path) -> Iterator[GitRestrictions]:
    with store_of(origin) as made:
        yield made


@pytest.fixture
def bob(origin: Path) -> Iterator[GitRestrictions]:
    with store_of(origin, "Bob") as made:
        yield made


def commits(origin: Path) -> list[str]:
    """Return subjects and authors, oldest first."""
    return git(origin, "log", "--reverse", "--format=%s | %an", REF).splitlines()


# ── what is kept ──


def test_nothing_restricts_a_fleet_in_which_nobody_restricted_anything(ada: GitRestrictions) -> None:
    assert ada.read() == Restrictions()


def test_everything_is_kept_for_every_clone(ada: GitRestrictions, bob: GitRestrictions, origin: Path) -> None:
    labels = lock("eu", environment=None, labels={"region": "eu"}, expires=NOW + timedelta(hours=2))
    for written in (ada.lock(lock()), ada.lock(labels), ada.hold(hold()), ada.reject(rejection())):
        assert written.changed
    found = bob.read()
    assert found == Restrictions(locks=(labels, lock()), holds=(hold(),), rejections=(rejection(),))
    with store_of(origin, "late") as late:
        assert late.read() == found


def test_the_log_of_the_ref_tells_who_did_what_and_why(
    ada: GitRestrictions, bob: GitRestrictions, origin: Path
) -> None:
    ada.lock(lock())
    ada.hold(hold())
    bob.unlock("prod", by=BOB, reason="Ada is on holiday", force=True)
    bob.release_hold("web", "prod", by=BOB, reason="fixed in 1.2.0")
    ada.reject(rejection())
    assert commits(origin) == [
        "Lock prod | Ada",
        "Hold web in prod | Ada",
        "Unlock prod of Ada <ada@example.com>, by force | Bob",
        "Release web in prod (held by Ada <ada@example.com>) | Bob",
        "Reject web 1.1.0 (aaaaaaa) | Ada",
    ]
    unlocked = git(origin, "log", "-1", "--format=%b", f"{REF}~2")
    assert unlocked == "Ada is on holiday\n\nLock `prod` was there because: quarter end"


# ── again and again ──


def test_every_change_is_idempotent(ada: GitRestrictions, origin: Path) -> None:
    for _ in range(2):
        ada.lock(lock())
        ada.hold(hold())
        ada.reject(rejection())
    assert len(commits(origin)) == 3
    assert ada.unlock("prod", by=ADA).changed
    again = ada.unlock("prod", by=ADA)
    assert (again.value, again.changed) == (lock(), False)
    assert ada.release_hold("web", "prod", by=ADA).changed
    again_hold = ada.release_hold("web", "prod", by=ADA)
    assert (again_hold.value, again_hold.changed) == (hold(), False)
    assert len(commits(origin)) == 5


def test_the_owner_may_give_a_lock_another_end_and_reason(ada: GitRestrictions) -> None:
    ada.lock(lock())
    end = NOW + timedelta(hours=3)
    written = ada.lock(lock(expires=end, reason="longer", created=NOW + timedelta(hours=1)))
    assert (written.value.created, written.value.expires, written.value.reason) == (NOW, end, "longer")
    assert ada.read().locks == (written.value,)


def test_a_lock_of_somebody_else_stays(ada: GitRestrictions, bob: GitRestrictions) -> None:
    ada.lock(lock())
    with pytest.raises(RestrictionError, match="there is a lock `prod` of Ada"):
        bob.lock(lock(owner=BOB))
    with pytest.raises(RestrictionError, match="belongs to Ada") as caught:
        bob.unlock("prod", by=BOB)
    assert "--force" in caught.value.hints[1]
    assert bob.read().locks == (lock(),)


def test_a_lock_never_becomes_one_of_something_else(ada: GitRestrictions) -> None:
    ada.lock(lock())
    with pytest.raises(RestrictionError, match="your lock `prod` locks prod, and not web in prod"):
        ada.lock(lock(app="web"))


def test_the_first_rejection_stays(ada: GitRestrictions, bob: GitRestrictions) -> None:
    ada.reject(rejection())
    again = bob.reject(rejection(reason="something else"))
    assert (again.value.reason, again.changed) == ("loses orders", False)


def test_a_hold_can_be_replaced_or_kept(ada: GitRestrictions, bob: GitRestrictions) -> None:
    ada.hold(hold())
    assert bob.hold(hold(reason="another", owner=BOB), keep=True).value == hold()
    assert bob.hold(hold(reason="another", owner=BOB)).changed
    assert ada.read().holds == (hold(reason="another", owner=BOB),)


def test_what_never_was_there_cannot_be_removed(ada: GitRestrictions) -> None:
    with pytest.raises(UsageError, match="there is no lock `prod`"):
        ada.unlock("prod", by=ADA)
    ada.lock(lock("production"))
    for name in ("prodution", "*", "../holds", "-x"):
        with pytest.raises(UsageError, match="there is no lock"):
            ada.unlock(name, by=ADA)
    with pytest.raises(UsageError) as caught:
        ada.unlock("prodution", by=ADA)
    assert caught.value.hints == ("did you mean `production`?",)
    with pytest.raises(UsageError, match="there is no hold on `web` in `prod`"):
        ada.release_hold("web", "prod", by=ADA)


# ── several at once ──

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fleet.adapters.git.repository import GitRepository
from fleet.adapters.restrictions.git import GitRestrictions
from fleet.model.restriction import Hold, Lock
root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
now, who = datetime(2026, 3, 4, tzinfo=UTC), f"{name} <{name}@example.com>"
repository = GitRepository(root)
store = GitRestrictions(repository)
for number in range(count):
    store.lock(Lock(id=f"{name}-{number}", environment="prod", owner=who, reason="busy", created=now))
    store.hold(Hold(app=name, environment="prod", owner=who, reason=f"number {number}", created=now))
    if number % 2:
        store.unlock(f"{name}-{number}", by=who)
repository.close()
"""


def run_writer(root: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    import os

    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])} | environment,
    )


def test_eight_writers_at_once_lose_nothing(ada: GitRestrictions, origin: Path) -> None:
    names = [f"writer-{number}" for number in range(8)]
    roots = {name: clone(origin, origin.parent / name, name=name) for name in names}
    writers = [run_writer(roots[name], name, "4") for name in names]
    ended = [(writer.communicate(timeout=300)[1], writer.returncode) for writer in writers]
    assert [status for _, status in ended] == [0] * 8, ended
    found = ada.read()
    assert sorted(lock.id for lock in found.locks) == sorted(f"{name}-{number}" for name in names for number in (0, 2))
    assert sorted((h.app, h.reason) for h in found.holds) == [(name, "number 3") for name in names]
    assert len(commits(origin)) == 8 * (4 + 4 + 2)


@pytest.mark.parametrize("point", sorted(name for name in NAMES if name.startswith("restrictions.")))
@pytest.mark.parametrize("number", [1, 2, 5], ids=["lock", "hold", "unlock"])
def test_a_writer_that_is_killed_converges_when_it_runs_again(
    ada: GitRestrictions, origin: Path, point: str, number: int
) -> None:
    root = clone(origin, origin.parent / "killed", name="killed")
    killed = run_writer(root, "killed", "2", FLEET_FAILPOINT=f"{point}:{number}")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    again = run_writer(root, "killed", "2")
    _, complaint = again.communicate(timeout=60)
    assert again.returncode == 0, complaint
    found = ada.read()
    assert [lock.id for lock in found.locks] == ["killed-0"]
    assert [(h.app, h.reason) for h in found.holds] == [("killed", "number 1")]


# ── what is refused ──


def plant(origin: Path, files: Mapping[str, bytes | None]) -> None:
    """Write any files at all where the restrictions are."""
    root = clone(origin, origin.parent / "intruder", name="intruder")
    repository = GitRepository(root)
    commit = repository.commit([], files, "plant", empty=True)
    git(root, "push", "--quiet", "origin", f"{commit}:{REF}")
    repository.close()


def document(**changes: object) -> bytes:
    return json.dumps(json.loads(encode(lock())) | changes).encode()


HOSTILE = {
    "another file": {"README.md": b"hello"},
    "another directory": {"locks/more/prod.json": document()},
    "no JSON": {"locks/prod.json": b"{"},
    "no object": {"locks/prod.json": b"[]"},
    "too deep": {"locks/prod.json": b"[" * 50_000},
    "another schema": {"locks/prod.json": document(schema="fleet.lock/v2")},
    "an unknown key": {"locks/prod.json": document(nobody="knows")},
    "another id than its path": {"locks/staging.json": document()},
    "no reason": {"locks/prod.json": document(reason=" ")},
    "a time without a zone": {"locks/prod.json": document(expires="2026-03-04T12:00:00")},
    "a name that leaves the directory": {"locks/prod.json": document(id="../prod")},
    "no text": {"locks/prod.json": b"\xff\xfe"},
    "too large": {"locks/prod.json": document(reason="x") + b" " * SIZE_LIMIT},
    "one bad among good ones": {"locks/prod.json": document(), "holds/prod/web.json": b"{}"},
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_read_is_refused_as_a_whole(origin: Path, files: Mapping[str, bytes]) -> None:
    plant(origin, files)
    with store_of(origin) as ada:
        with pytest.raises(RestrictionError, match="that this version of fleet can read"):
            ada.read()
        before = git(origin, "rev-parse", REF)
        with pytest.raises(RestrictionError):
            ada.lock(lock("other"))  # never on top of what nobody understands
        assert git(origin, "rev-parse", REF) == before


def test_a_link_is_not_followed(origin: Path) -> None:
    root = clone(origin, origin.parent / "linker", name="linker")
    (root / "locks").mkdir()
    (root / "locks" / "prod.json").symlink_to("/etc/passwd")
    git(root, "add", "locks")
    tree = git(root, "write-tree", "--prefix=locks/")
    inner = subprocess.run(
        ["git", "-C", str(root), "mktree"],
        input=f"040000 tree {tree}\tlocks\n",
        text=True,
        capture_output=True,
        check=True,
    ).stdout.strip()
    commit = git(root, "commit-tree", inner, "-m", "link")
    git(root, "push", "--quiet", "origin", f"{commit}:{REF}")
    with store_of(origin) as ada, pytest.raises(RestrictionError, match=r"`locks/prod\.json`"):
        ada.read()


def test_a_ref_that_is_no_commit_is_refused(origin: Path) -> None:
    blob = subprocess.run(
        ["git", "-C", str(origin), "hash-object", "-w", "--stdin"],
        input="x",
        text=True,
        capture_output=True,
        check=True,
    ).stdout.strip()
    git(origin, "update-ref", REF, blob)
    with store_of(origin) as ada, pytest.raises(RestrictionError, match="is no commit"):
        ada.read()


def test_more_files_than_anybody_restricts_are_refused(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert COUNT_LIMIT >= 10_000
    monkeypatch.setattr("fleet.adapters.restrictions.git.COUNT_LIMIT", 2)
    with store_of(origin) as ada:
        for name in ("one", "two", "three"):
            ada.lock(lock(name))
        with pytest.raises(RestrictionError, match="more than 2 files"):
            ada.read()


def test_a_remote_that_is_away_is_told_as_such(ada: GitRestrictions, origin: Path) -> None:
    origin.rename(origin.with_name("gone.git"))
    with pytest.raises(UnreachableError):
        ada.read()
