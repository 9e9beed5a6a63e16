"""The local store on one SQLite file: what was applied, the runs, and who may change what."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

import orjson

from fleet.adapters.store.database import Database
from fleet.adapters.store.leases import Leases
from fleet.errors import ConflictError, FleetError, UsageError
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.release import Release
from fleet.model.state import RecordedObject, RecordedState
from fleet.ports.clock import Clock
from fleet.ports.store import Lease

if TYPE_CHECKING:
    from fleet.model.reconcile import Run

KEPT_RUNS = 500
"""Newest runs that are kept."""

_TARGET = "app = ? AND environment = ? AND cluster = ?"


class SqlStore:
    """Implements :class:`fleet.ports.store.RecordStore`. Safe to share between threads, and the file between processes.

    Args:
        location: path of the SQLite file, or `sqlite:///PATH`.
        clock: its monotonic clock judges the age of leases, its wall clock only shows since when.
        lease_seconds: how long a lease holds without being renewed; it is renewed four times in that time.
    """

    def __init__(self, location: Path | str, clock: Clock, *, lease_seconds: float = 60.0) -> None:
        self._database = Database(_path(location))
        self._leases = Leases(self._database, clock, lease_seconds)

    def __repr__(self) -> str:
        return f"SqlStore({self._database.path.name})"

    def digests(self) -> Mapping[Target, str]:
        """Return the recorded digest of every target: one query, no objects."""
        rows = self._database.query("SELECT app, environment, cluster, digest FROM targets")
        return {Target(app, environment, cluster): digest for app, environment, cluster, digest in rows}

    def recorded(self, targets: Sequence[Target]) -> Mapping[Target, RecordedState]:
        """Return what the last apply of each target wrote, with objects; targets never applied are left out."""
        found: dict[Target, RecordedState] = {}
        for target in targets:
            for row in self._database.query(
                "SELECT digest, fence, applied_at, run_id, release, body"  # noqa: S608 - a constant
                " FROM targets JOIN objects USING (app, environment, cluster)"
                f" WHERE {_TARGET}",
                _key(target),
            ):
                found[target] = self._state(target, row)
        return found

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Return the newest runs, newest first."""
        from fleet.model.reconcile import Run

        rows = self._database.query("SELECT body FROM runs ORDER BY started DESC, id DESC LIMIT ?", [limit])
        return [Run.model_validate_json(zlib.decompress(body)) for (body,) in rows]

    def record(self, state: RecordedState) -> None:
        """Save what an apply wrote.

        Raises:
            ConflictError: a record or a lease with a larger fencing token is there.
        """
        key = _key(state.target)
        body = zlib.compress(orjson.dumps([_dump(item) for item in state.objects]), 1)
        release = state.release.model_dump_json(by_alias=True)
        with self._database.writing() as connection:
            _check_fence(connection, state.target, state.fence)
            connection.execute(
                "INSERT OR REPLACE INTO targets VALUES (?,?,?,?,?,?,?,?)",
                [*key, state.digest, state.fence, state.applied_at.isoformat(), state.run_id, release],
            )
            connection.execute("INSERT OR REPLACE INTO objects VALUES (?,?,?,?)", [*key, body])

    def forget(self, target: Target, fence: int) -> None:
        """Drop the record of a removed target.

        Raises:
            ConflictError: a record or a lease with a larger fencing token is there.
        """
        with self._database.writing() as connection:
            _check_fence(connection, target, fence)
            for table in ("targets", "objects"):
                connection.execute(f"DELETE FROM {table} WHERE {_TARGET}", _key(target))  # noqa: S608 - a constant

    def save_run(self, run: Run) -> None:
        """Save a run; saving it again replaces it. Old runs are dropped."""
        body = zlib.compress(run.model_dump_json(by_alias=True).encode(), 1)
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO runs VALUES (?,?,?)", [run.id, run.started.isoformat(), body])
            connection.execute(
                "DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY started DESC, id DESC LIMIT ?)",
                [KEPT_RUNS],
            )

    @contextmanager
    def lease(self, target: Target, holder: str) -> Iterator[Lease]:
        """Take the lease of a target, renew it in the background, and give it back at the end.

        Raises:
            ConflictError: somebody else holds it; says who and since when.
        """
        lease = self._leases.take(target, holder)
        try:
            yield lease
        finally:
            self._leases.give_back(lease)

    def close(self) -> None:
        """Stop renewing leases and close the file."""
        self._leases.close()
        self._database.close()

    def _state(self, target: Target, row: Sequence[Any]) -> RecordedState:
        digest, fence, applied_at, run_id, release, body = row
        try:
            objects = tuple(_load(item) for item in orjson.loads(zlib.decompress(body)))
            parsed = Release.model_validate_json(release)
        except (zlib.error, ValueError, TypeError, KeyError) as error:  # also of orjson and pydantic
            path = self._database.path
            raise FleetError(
                f"the record of `{target}` in the local store cannot be read",
                code="FLT-STO-001",
                hints=(f"delete the store, it is rebuilt: `rm {path}*`",),
            ) from error
        return RecordedState(
            target=target,
            release=parsed,
            digest=digest,
            applied_at=datetime.fromisoformat(applied_at),
            run_id=run_id,
            fence=fence,
            objects=objects,
        )


def _path(location: Path | str) -> Path:
    if isinstance(location, str) and "://" in location:
        scheme, _, path = location.partition(":///")
        if scheme != "sqlite" or not path:
            raise UsageError(f"a store of the kind `{location.partition(':')[0]}` is not supported, only `sqlite` is")
        return Path(path)
    return Path(location)


def _key(target: Target) -> tuple[str, str, str]:
    return (target.app, target.environment, target.cluster)


def _check_fence(connection: Connection, target: Target, fence: int) -> None:
    """Refuse a writer whose lease somebody else has taken over since."""
    for table in ("targets", "leases"):
        row = connection.execute(f"SELECT fence FROM {table} WHERE {_TARGET}", _key(target)).fetchone()  # noqa: S608
        if row is not None and row[0] > fence:
            raise ConflictError(
                f"the lease of `{target}` was lost: somebody else has taken it over", code="FLT-CON-003"
            )


def _dump(item: RecordedObject) -> list[Any]:
    ref = item.ref
    stamp = [item.uid, item.resource_version, item.generation]
    return [[ref.api_version, ref.kind, ref.namespace, ref.name], item.inputs, item.live, stamp]


def _load(item: list[Any]) -> RecordedObject:
    ref, inputs, live, *stamp = item  # records of earlier versions have no stamp
    return RecordedObject(ObjectRef(*ref), inputs, live, *(stamp[0] if stamp else ()))
