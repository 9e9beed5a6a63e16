"""Where locks, holds and rejected releases are kept: in git, beside the branches, for everybody."""

from __future__ import annotations

from typing import Protocol

from fleet.model.restriction import Hold, Lock, Rejection, Restrictions


class RestrictionReader(Protocol):
    """Reads what is in the way of promotions."""

    def read(self) -> Restrictions:
        """Return everything, asked afresh of the remote.

        Raises:
            UnreachableError: the remote cannot be reached.
            GitError: what is there cannot be read.
        """
        ...


class RestrictionWriter(RestrictionReader, Protocol):
    """Changes them. Every call is idempotent, and a compare-and-swap that starts over where somebody was faster."""

    def lock(self, lock: Lock) -> Lock:
        """Add a lock; one with the same id is replaced only if it belongs to the same owner."""
        ...

    def unlock(self, identifier: str, *, by: str, reason: str = "") -> Lock:
        """Remove a lock and return it."""
        ...

    def hold(self, hold: Hold) -> Hold:
        """Add a hold, or replace the one of the same app and environment."""
        ...

    def release_hold(self, app: str, environment: str, *, by: str, reason: str = "") -> Hold:
        """Remove a hold and return it."""
        ...

    def reject(self, rejection: Rejection) -> Rejection:
        """Add a rejection; the first one of a release stays."""
        ...
