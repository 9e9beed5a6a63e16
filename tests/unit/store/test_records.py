from __future__ import annotations

import sqlite3
import stat
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from fleet.adapters.store import database
from fleet.adapters.store.database import Database
from fleet.adapters.store.sqlite import KEPT_RUNS, SqlStore
from fleet.errors import ConflictError, FleetError, Problem, UsageError
from fleet.model.change import ChangeSet
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.names import Target
from fleet.model.reconcile import Outcome, Run, TargetResult
from tests.unit.store.conftest import START, TARGET, SteppedClock, state

Open = Callable[[], SqlStore]


def test_what_was_recorded_comes_back_in_another_process(open_store: Open) -> None:
    open_store().record(state())
    other = open_store()
    assert other.digests() == {TARGET: "d1"}
    assert other.recorded([TARGET, Target("x", "y", "z")]) == {TARGET: state()}


def test_records_of_earlier_versions_are_read(store: SqlStore, tmp_path: Path) -> None:
    store.record(state())
    with sqlite3.connect(next(tmp_path.glob("**/*.db"))) as connection:
        (body,) = connection.execute("SELECT body FROM objects").fetchone()
        rows = [row[:3] for row in orjson.loads(zlib.decompress(body))]
        connection.execute("UPDATE objects SET body = ?", [zlib.compress(orjson.dumps(rows))])
    (item,) = store.recorded([TARGET])[TARGET].objects
    (known,) = state().objects
    assert item == replace(known, uid="", resource_version="", generation=None)


def test_a_new_record_replaces_the_old_one(store: SqlStore) -> None:
    store.record(state(digest="d1", fence=1))
    store.record(state(digest="d2", fence=1))
    store.record(state(digest="d3", fence=2))
    assert store.digests() == {TARGET: "d3"}


def test_an_older_fence_writes_nothing(store: SqlStore) -> None:
    store.record(state(digest="new", fence=5))
    with pytest.raises(ConflictError, match="somebody else has taken it over"):
        store.record(state(digest="old", fence=4))
    with pytest.raises(ConflictError):
        store.forget(TARGET, 4)
    assert store.digests() == {TARGET: "new"}


def test_forgotten_targets_are_gone_with_their_objects(store: SqlStore) -> None:
    store.record(state())
    store.forget(TARGET, 1)
    assert store.digests() == {}
    assert store.recorded([TARGET]) == {}
    store.forget(TARGET, 1)


def _run(number: int) -> Run:
    result = TargetResult(
        target=TARGET,
        wave="w",
        outcome=Outcome.FAILED,
        reason="no",
        changes=ChangeSet(),
        health=TargetHealth(status=HealthStatus.FAILED, exact=False),
        problems=(Problem("FLT-X-1", "m"),),
    )
    return Run(id=f"run-{number:04d}", revision="a", started=START + timedelta(minutes=number), results=(result,))


def test_runs_come_newest_first_and_can_be_saved_again(store: SqlStore) -> None:
    for number in (2, 1, 3):
        store.save_run(_run(number))
    finished = _run(2).model_copy(update={"finished": START})
    store.save_run(finished)
    assert [run.id for run in store.runs()] == ["run-0003", "run-0002", "run-0001"]
    assert store.runs(2)[1] == finished


def test_old_runs_are_dropped(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.adapters.store.sqlite.KEPT_RUNS", 3)
    for number in range(5):
        store.save_run(_run(number))
    assert [run.id for run in store.runs(10)] == ["run-0004", "run-0003", "run-0002"]
    assert KEPT_RUNS > 100


def test_digests_of_ten_thousand_targets_are_all_there(store: SqlStore) -> None:
    with store._database.writing() as connection:
        connection.executemany(
            "INSERT INTO targets VALUES ('app', ?, ?, 'd', 1, '', '', '')",
            [(f"env{n % 5}", f"cluster-{n}") for n in range(10_000)],
        )
    assert len(store.digests()) == 10_000


def test_only_the_owner_can_read_the_file(store: SqlStore, tmp_path: Path) -> None:
    store.record(state())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / ".fleet").iterdir()}
    assert set(modes.values()) == {0o600}
    assert "fleet.db" in modes
    assert stat.S_IMODE((tmp_path / ".fleet").stat().st_mode) == 0o700


def test_commits_are_written_through(store: SqlStore) -> None:
    assert store._database.query("PRAGMA journal_mode") == [("wal",)]
    assert store._database.query("PRAGMA synchronous") == [(2,)]  # FULL


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_damaged_file_is_moved_aside_with_a_warning(
    open_store: Open, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / ".fleet" / "fleet.db"
    path.parent.mkdir()
    path.write_bytes(content)
    store = open_store()
    assert store.digests() == {}
    store.record(state())
    assert open_store().digests() == {TARGET: "d1"}
    assert (tmp_path / ".fleet" / "fleet.db.damaged-1").read_bytes() == content
    (message,) = [record.getMessage() for record in caplog.records]
    assert "can be deleted" in message


def test_damage_inside_is_told_and_healed_by_the_next_process(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    for number in range(200):
        store.record(state(Target("a", "b", f"c{number}")))
    store.close()
    path = tmp_path / ".fleet" / "fleet.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(FleetError, match="is damaged") as caught:
        open_store().digests()
    assert caught.value.hints[0].startswith("delete it, it is rebuilt: `rm ")


def test_a_file_of_a_newer_fleet_is_left_alone(open_store: Open, tmp_path: Path) -> None:
    open_store().record(state())
    with sqlite3.connect(tmp_path / ".fleet" / "fleet.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(FleetError, match="newer version of fleet") as caught:
        open_store().digests()
    assert "delete the store" in caught.value.hints[0]


def test_a_database_of_another_program_is_left_alone(open_store: Open, tmp_path: Path) -> None:
    (tmp_path / ".fleet").mkdir()
    with sqlite3.connect(tmp_path / ".fleet" / "fleet.db") as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(FleetError, match="database of another program"):
        open_store().digests()


def test_an_older_schema_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "x" / "fleet.db"
    first = Database(path, ("CREATE TABLE a (x); INSERT INTO a VALUES (1)",))
    assert first.query("SELECT x FROM a") == [(1,)]
    first.close()
    second = Database(path, ("CREATE TABLE a (x); INSERT INTO a VALUES (1)", "ALTER TABLE a ADD COLUMN y DEFAULT 7"))
    assert second.query("SELECT x, y FROM a") == [(1, 7)]
    second.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x" / "fleet.db"
    broken = Database(path, ("CREATE TABLE a (x)", "CREATE TABLE b (x); nonsense"))
    with pytest.raises(FleetError):
        broken.query("SELECT 1")
    good = Database(path, ("CREATE TABLE a (x)",))
    assert good.query("SELECT count(*) FROM sqlite_master WHERE name IN ('a', 'b')") == [(1,)]
    good.close()


def test_a_path_that_cannot_be_opened(tmp_path: Path, clock: SteppedClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FleetError, match="cannot be opened"):
        SqlStore(tmp_path / "file" / "fleet.db", clock).digests()
    with pytest.raises(UsageError, match="`postgresql` is not supported"):
        SqlStore("postgresql://user:canary@host/db", clock)


def test_released_migrations_are_never_edited() -> None:
    assert len(database.MIGRATIONS) == 1
