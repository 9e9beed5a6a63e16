"""Where locks, holds and rejected releases are kept: in git, beside the branches, for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fleet.model.restriction import Hold, Lock, Rejection, Restrictions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """What came of a change."""

    value: T
    """What is (or, of something that was removed, was) kept."""
    changed: bool
    """Whether this call changed anything; if not, it was so already."""


class RestrictionReader(Protocol):
    """Reads what is in the way of promotions."""

    def read(self) -> Restrictions:
        """Return everything, asked afresh of the remote.

        Raises:
            UnreachableError: the remote cannot be reached.
            RestrictionError: what is there cannot be read.
        """
        ...


class RestrictionWriter(RestrictionReader, Protocol):
    """Changes them. Every call is idempotent, and a compare-and-swap that starts over where somebody was faster."""

    def lock(self, lock: Lock) -> Written[Lock]:
        """Add a lock; one with the same id gets the new reason and end, if it has the same owner and locks the same.

        Raises:
            RestrictionError: the id belongs to somebody else's lock, or to one that locks something else.
        """
        ...

    def unlock(self, identifier: str, *, by: str, reason: str = "", force: bool = False) -> Written[Lock]:
        """Remove a lock and return it. One that was removed before is returned as it last was.

        Args:
            identifier: id of the lock.
            by: who removes it.
            reason: why, for the record.
            force: even if it belongs to somebody else; that is recorded.

        Raises:
            RestrictionError: it belongs to somebody else.
            UsageError: there never was such a lock.
        """
        ...

    def hold(self, hold: Hold, *, keep: bool = False) -> Written[Hold]:
        """Add a hold. One of the same app and environment, with the same reason, stays as it is.

        Args:
            hold: the hold; it takes the place of one with another reason.
            keep: leave one that is there already, whatever its reason.
        """
        ...

    def release_hold(self, app: str, environment: str, *, by: str, reason: str = "") -> Written[Hold]:
        """Remove a hold and return it. One that was removed before is returned as it last was.

        Raises:
            UsageError: there never was such a hold.
        """
        ...

    def reject(self, rejection: Rejection) -> Written[Rejection]:
        """Add a rejection; the first one of a release stays."""
        ...
