"""The local store: records, runs and leases. Git is the truth; all of this can be deleted and is rebuilt."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fleet.model.names import Target
from fleet.model.state import RecordedState

if TYPE_CHECKING:
    from fleet.model.reconcile import Run


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change one target, for a while.

    ``fence`` grows with every grant of the same target; each write carries it.
    """

    target: Target
    holder: str
    fence: int
    lost: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    """Set when the lease could not be renewed or somebody else took it over: the holder has to stop at once."""


class RecordReader(Protocol):
    """Reads records and runs."""

    def digests(self) -> Mapping[Target, str]:
        """Return the recorded digest of every target: one query, no objects."""
        ...

    def recorded(self, targets: Sequence[Target]) -> Mapping[Target, RecordedState]:
        """Return what the last apply of each target wrote, with objects; targets never applied are left out."""
        ...

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Return the newest runs, newest first."""
        ...


class RecordStore(RecordReader, Protocol):
    """Writes records, runs and leases."""

    def record(self, state: RecordedState) -> None:
        """Save what an apply wrote.

        Raises:
            ConflictError: a record or a lease with a larger fencing token is there: ours was lost.
        """
        ...

    def forget(self, target: Target, fence: int) -> None:
        """Drop the record of a removed target.

        Raises:
            ConflictError: as for :meth:`record`.
        """
        ...

    def save_run(self, run: Run) -> None:
        """Save a run; saving it again replaces it."""
        ...

    def lease(self, target: Target, holder: str) -> AbstractContextManager[Lease]:
        """Take the lease of a target, renew it in the background, and give it back at the end.

        Raises:
            ConflictError: somebody else holds it; says who and since when.
        """
        ...

    def close(self) -> None:
        """Stop renewing leases and close the store."""
        ...
