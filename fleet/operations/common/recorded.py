"""Locks, holds and rejections that also leave an entry in the ledger."""

from __future__ import annotations

import logging

from fleet.engine.ledger import key_of
from fleet.errors import FleetError
from fleet.model.ledger import EntryKind, LedgerDraft
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions
from fleet.ports.ledger import LedgerWriter
from fleet.ports.restrictions import RestrictionWriter, Written

_log = logging.getLogger("fleet.ledger")


class RecordedRestrictions:
    """Implements :class:`fleet.ports.restrictions.RestrictionWriter` on top of another one.

    The restriction comes first and the entry after it: what stops a promotion must never wait for a record. Whoever
    dies between the two writes the entry by running the command again, since it has the same key. A ledger that cannot
    be written is a warning.
    """

    def __init__(self, restrictions: RestrictionWriter, ledger: LedgerWriter) -> None:
        self._restrictions = restrictions
        self._ledger = ledger

    def read(self) -> Restrictions:
        """Return everything, asked afresh of the remote."""
        return self._restrictions.read()

    def lock(self, lock: Lock) -> Written[Lock]:
        """Add a lock."""
        written = self._restrictions.lock(lock)
        kept = written.value
        ends = kept.expires.isoformat() if kept.expires else ""
        self._record(EntryKind.LOCKED, _lock_draft(EntryKind.LOCKED, kept, kept.reason, ends))
        return written

    def unlock(self, identifier: str, *, by: str, reason: str = "", force: bool = False) -> Written[Lock]:
        """Remove a lock."""
        written = self._restrictions.unlock(identifier, by=by, reason=reason, force=force)
        self._record(EntryKind.UNLOCKED, _lock_draft(EntryKind.UNLOCKED, written.value, by=by, why=reason))
        return written

    def hold(self, hold: Hold, *, keep: bool = False) -> Written[Hold]:
        """Add a hold."""
        written = self._restrictions.hold(hold, keep=keep)
        self._record(EntryKind.HELD, _hold_draft(EntryKind.HELD, written.value, written.value.reason))
        return written

    def release_hold(self, app: str, environment: str, *, by: str, reason: str = "") -> Written[Hold]:
        """Remove a hold."""
        written = self._restrictions.release_hold(app, environment, by=by, reason=reason)
        self._record(EntryKind.HOLD_RELEASED, _hold_draft(EntryKind.HOLD_RELEASED, written.value, by=by, why=reason))
        return written

    def reject(self, rejection: Rejection) -> Written[Rejection]:
        """Add a rejection."""
        written = self._restrictions.reject(rejection)
        kept = written.value
        draft = LedgerDraft(
            kind=EntryKind.REJECTED,
            key=key_of(EntryKind.REJECTED.value, kept.app, kept.version, kept.revision),
            app=kept.app,
            data=kept.model_dump(mode="json", by_alias=True),
        )
        self._record(EntryKind.REJECTED, draft)
        return written

    def _record(self, kind: EntryKind, draft: LedgerDraft) -> None:
        try:
            self._ledger.append([draft])
        except FleetError as error:
            _log.warning("the ledger has no entry of this (%s): %s", kind.value, error.message)


def _lock_draft(kind: EntryKind, lock: Lock, *parts: str, by: str = "", why: str = "") -> LedgerDraft:
    data = lock.model_dump(mode="json", by_alias=True) | ({"by": by, "why": why} if by else {})
    return LedgerDraft(
        kind=kind,
        key=key_of(kind.value, lock.id, lock.created.isoformat(), *parts),
        app=lock.app or "",
        environment=lock.environment or "",
        data=data,
    )


def _hold_draft(kind: EntryKind, hold: Hold, *parts: str, by: str = "", why: str = "") -> LedgerDraft:
    data = hold.model_dump(mode="json", by_alias=True) | ({"by": by, "why": why} if by else {})
    return LedgerDraft(
        kind=kind,
        key=key_of(kind.value, hold.app, hold.environment, hold.created.isoformat(), *parts),
        app=hold.app,
        environment=hold.environment,
        data=data,
    )
