"""Finds the decision in the ledger that let a release land."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleet.engine import trailers
from fleet.model.ledger import Decision, EntryKind, LedgerEntry
from fleet.model.promotion import HistoryEntry
from fleet.operations.common.recording import decision_of

_LANDED = (EntryKind.MERGED, EntryKind.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and the entry of the ledger that holds it."""

    entry: LedgerEntry
    decision: Decision


def decision_for(landing: HistoryEntry, entries: Sequence[LedgerEntry]) -> Decided | None:
    """Return the decision that let a change of a pin be proposed, or be committed; None if there is none.

    Args:
        landing: the change.
        entries: the ledger, newest first.
    """
    plan = trailers.first(landing.trailers, trailers.PLAN)
    if not plan:
        return None
    about = [e for e in entries if (e.app, e.environment) == (landing.app, landing.environment)]
    landed = next((e for e in about if e.kind in _LANDED and e.data.get("commit") == landing.commit), None)
    latest = landing.time + timedelta(seconds=1)  # git keeps whole seconds
    earlier = (e for e in about if (e.sequence < landed.sequence if landed else e.time < latest))
    return _newest(earlier, plan)


def decision_of_request(number: int, entries: Sequence[LedgerEntry]) -> Decided | None:
    """Return the decision that let a pull request be opened, or get its last head; None if there is none."""
    for entry in entries:
        if entry.kind is EntryKind.OPENED and entry.data.get("pullRequest") == number:
            where = (entry.app, entry.environment)
            earlier = (e for e in entries if e.sequence < entry.sequence and (e.app, e.environment) == where)
            return _newest(earlier, str(entry.data.get("plan", "")))
    return None


def _newest(entries: Iterable[LedgerEntry], plan: str) -> Decided | None:
    for entry in entries:
        decision = decision_of(entry) if entry.data.get("plan") == plan else None
        if decision is not None:
            return Decided(entry, decision)
    return None
