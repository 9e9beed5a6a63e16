"""Leases: one process at a time may change a target.

A lease ends when it is not renewed in time. Its age is judged by the machine's own monotonic clock, which all processes
that share the file have in common; no wall clock takes part, so that setting one changes nothing. A lease of an earlier
boot, or of a process of this machine that is gone, is free at once.

A lease alone does not exclude that a paused holder goes on writing after it lost it. Therefore each grant has a fencing
token that is larger than all earlier ones, and a write with an older token is refused
(https://jepsen.io/analyses/etcd-3.4.3 on why locks are not enough).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any

from fleet.adapters.store import processes
from fleet.adapters.store.database import Database
from fleet.errors import ConflictError, FleetError
from fleet.model.names import Target
from fleet.ports.clock import Clock
from fleet.ports.store import Lease

log = logging.getLogger("fleet.store")

_TARGET = "app = ? AND environment = ? AND cluster = ?"


class Leases:
    """Takes, renews and gives back leases. One background thread renews all of them."""

    def __init__(self, database: Database, clock: Clock, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._held: dict[Lease, float] = {}
        """Lease → monotonic time of its last renewal."""
        self._changed = threading.Event()
        self._renewer: threading.Thread | None = None

    def take(self, target: Target, holder: str) -> Lease:
        """Take a lease.

        Raises:
            ConflictError: somebody else holds it.
        """
        now = self._clock.monotonic()
        with self._database.writing() as connection:
            row = connection.execute(
                f"SELECT fence, holder, process, since, boot, expires FROM leases WHERE {_TARGET}",  # noqa: S608
                _key(target),
            ).fetchone()
            if row is not None and self._taken(row, now):
                since = str(row[3])[:16].replace("T", " ")
                raise ConflictError(
                    f"`{target}` is being changed by `{row[1]}` (since {since} UTC)",
                    code="FLT-CON-002",
                    hints=("wait until that run is over, then repeat",),
                )
            fence = max(self._last_fence(connection, target, row) + 1, int(self._clock.now().timestamp()))
            connection.execute(
                "INSERT OR REPLACE INTO leases VALUES (?,?,?,?,?,?,?,?,?)",
                [
                    *_key(target),
                    fence,
                    holder,
                    processes.me(),
                    self._clock.now().isoformat(),
                    processes.boot(),
                    now + self._seconds,
                ],
            )
        lease = Lease(target, holder, fence)
        with self._lock:
            self._held[lease] = now
            if self._renewer is None or not self._renewer.is_alive():
                self._changed = threading.Event()
                self._renewer = threading.Thread(target=self._renew_all, name="fleet-leases", daemon=True)
                self._renewer.start()
        return lease

    def give_back(self, lease: Lease) -> None:
        """Give a lease back; the fencing token stays, so that the next one is larger."""
        with self._lock:
            self._held.pop(lease, None)
            if not self._held:
                self._changed.set()  # the renewing thread ends; the next lease starts another one
                self._renewer = None
        try:
            with self._database.writing() as connection:
                connection.execute(
                    f"UPDATE leases SET expires = 0, holder = '' WHERE {_TARGET} AND fence = ?",  # noqa: S608
                    [*_key(lease.target), lease.fence],
                )
        except FleetError as error:
            # The work is done; the lease ends by itself. Hiding the outcome of the work behind this would be worse.
            log.warning("the lease of `%s` could not be given back: %s", lease.target, error.message)

    def close(self) -> None:
        """Stop renewing."""
        with self._lock:
            held = list(self._held)
            self._held.clear()
            self._changed.set()
            self._renewer = None
        for lease in held:
            lease.lost.set()

    @staticmethod
    def _last_fence(connection: Connection, target: Target, row: Sequence[Any] | None) -> int:
        recorded = connection.execute(f"SELECT fence FROM targets WHERE {_TARGET}", _key(target)).fetchone()  # noqa: S608
        return max(row[0] if row else 0, recorded[0] if recorded else 0)

    @staticmethod
    def _taken(row: Sequence[Any], now: float) -> bool:
        _, _, process, _, boot, expires = row
        return bool(expires > now and boot == processes.boot() and not processes.dead(process))

    def _renew_all(self) -> None:
        changed = self._changed
        while not changed.wait(self._seconds / 4):
            with self._lock:
                held = dict(self._held)
            for lease, renewed in held.items():
                self._renew(lease, renewed)

    def _renew(self, lease: Lease, renewed: float) -> None:
        now = self._clock.monotonic()
        try:
            with self._database.writing() as connection:
                count = connection.execute(
                    f"UPDATE leases SET expires = ? WHERE {_TARGET} AND fence = ? AND expires > 0",  # noqa: S608
                    [now + self._seconds, *_key(lease.target), lease.fence],
                ).rowcount
        except FleetError as error:
            # Given up well before the others may take it: there is time left to stop what is under way.
            if self._clock.monotonic() - renewed < self._seconds * 2 / 3:
                return
            log.warning("the lease of `%s` could not be renewed: %s", lease.target, error.message)
            count = 0
        with self._lock:
            if lease not in self._held:
                return
            if count:
                self._held[lease] = now
            else:
                del self._held[lease]
                lease.lost.set()


def _key(target: Target) -> tuple[str, str, str]:
    return (target.app, target.environment, target.cluster)
