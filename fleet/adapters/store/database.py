"""One SQLite file: opening, schema, transactions and foreign errors.

SQLAlchemy is not used for it: importing it costs 0.75 s of CPU time, more than all of ``fleet status`` may take, and
what is asked here are some fifteen plain statements.

The file is only ever shared by processes of one machine (write-ahead logging needs shared memory,
https://www.sqlite.org/wal.html). Everything in it can be deleted and is rebuilt from git, the forge and the clusters.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fleet.errors import FleetError

log = logging.getLogger("fleet.store")

APPLICATION_ID = 0x464C5431  # "FLT1"
BUSY_TIMEOUT = 15.0
"""Seconds to wait for another process that writes."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE targets (
        app TEXT NOT NULL, environment TEXT NOT NULL, cluster TEXT NOT NULL,
        digest TEXT NOT NULL, fence INTEGER NOT NULL, applied_at TEXT NOT NULL, run_id TEXT NOT NULL,
        release TEXT NOT NULL,
        PRIMARY KEY (app, environment, cluster)
    ) WITHOUT ROWID;
    CREATE TABLE objects (
        app TEXT NOT NULL, environment TEXT NOT NULL, cluster TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (app, environment, cluster)
    );
    CREATE TABLE runs (id TEXT PRIMARY KEY, started TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX runs_by_start ON runs (started);
    CREATE TABLE leases (
        app TEXT NOT NULL, environment TEXT NOT NULL, cluster TEXT NOT NULL,
        fence INTEGER NOT NULL, holder TEXT NOT NULL, process TEXT NOT NULL, since TEXT NOT NULL,
        boot TEXT NOT NULL, expires REAL NOT NULL,
        PRIMARY KEY (app, environment, cluster)
    ) WITHOUT ROWID;
    """,
)
"""Schema changes by number, from 1. A released one is never edited; a new one is added."""


class Database:
    """A connection that is opened at first use. Safe to share between threads."""

    def __init__(self, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.path = path
        self._migrations = migrations
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one read statement.

        Raises:
            FleetError: the file cannot be read.
        """
        with self._lock, self._translated():
            return self._open().execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside a write transaction; it ends with the block, and is rolled back by an exception.

        Raises:
            FleetError: the file cannot be written.
        """
        with self._lock, self._translated():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and self._process == os.getpid():
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._process != os.getpid():
            # A connection must not cross a fork, not even to be closed: that would drop the parent's file locks.
            _abandoned.append(self._connection)
            self._connection = None
        if self._connection is None:
            self._process = os.getpid()
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                self._connection = self._replace()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        _private(self.path)
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if self._version(connection) == len(self._migrations):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Asked again inside the transaction: another process may have been faster.
            for number in range(self._version(connection), len(self._migrations)):
                for statement in self._migrations[number].split(";"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _version(self, connection: sqlite3.Connection) -> int:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if tables and application != APPLICATION_ID:
            raise FleetError(
                f"`{self.path.name}` is a database of another program",
                code="FLT-STO-002",
                hints=(f"move it away: `mv {self.path} {self.path}.other`",),
            )
        if version > len(self._migrations):
            raise FleetError(
                f"the local store `{self.path.name}` was written by a newer version of fleet",
                code="FLT-STO-002",
                hints=(f"update fleet, or delete the store, which is rebuilt: `rm {self.path}*`",),
            )
        return int(version)

    def _replace(self) -> sqlite3.Connection:
        """Start anew after damage, unless another process has just done so."""
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                self._move_aside()
                return self._connect()

    def _move_aside(self) -> None:
        """Keep a damaged file for whoever wants to look at it, and go on with a new one."""
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            with contextlib.suppress(FileNotFoundError):
                part.rename(aside.with_name(aside.name + suffix))
        log.warning(
            "the local store was damaged and starts empty; it is rebuilt by and by. The old file `%s` can be deleted",
            aside,
        )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            self._broken(error)
        except OSError as error:
            raise FleetError(
                f"the local store `{self.path}` cannot be opened: {error.strerror}", code="FLT-STO-003"
            ) from error

    def _broken(self, error: sqlite3.DatabaseError) -> None:
        name = getattr(error, "sqlite_errorname", "")
        if _damaged(error):
            self.close()  # the next process finds it damaged when it opens it
            raise FleetError(
                f"the local store `{self.path.name}` is damaged",
                code="FLT-STO-001",
                hints=(f"delete it, it is rebuilt: `rm {self.path}*`",),
            ) from error
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise FleetError("another process keeps the local store busy", code="FLT-STO-004") from error
        reason = {"SQLITE_FULL": "the disk is full", "SQLITE_READONLY": "it is read-only"}.get(name, str(error))
        raise FleetError(f"the local store `{self.path.name}` failed: {reason}", code="FLT-STO-003") from error


_abandoned: list[sqlite3.Connection] = []
"""Connections of a parent process; kept, so that they are never closed here."""


def _damaged(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _private(path: Path) -> None:
    """Make the file, readable by its owner only, in a directory that only its owner can enter."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
