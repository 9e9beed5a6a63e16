"""The ledger: what was decided about promotions, in the order in which it was decided. Entries are never changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from fleet.model.base import Report
from fleet.model.gate import GateResult, Override
from fleet.model.observation import Observations
from fleet.model.promotion import HistoryEntry, PromotionKind, ValueMove
from fleet.model.release import Release


class EntryKind(StrEnum):
    """What an entry records."""

    DECIDED = "decided"  # the gates let a promotion be opened, or merged
    OVERRIDDEN = "overridden"  # a person promoted past a gate
    OPENED = "opened"  # a pull request was opened, or brought up to date
    MERGED = "merged"  # a release landed on the protected branch
    ROLLED_BACK = "rolled-back"  # a rollback landed
    CLOSED = "closed"  # a pull request was closed without a merge
    VERIFIED = "verified"  # a release became healthy on all clusters of an environment
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    HELD = "held"
    HOLD_RELEASED = "hold-released"
    REJECTED = "rejected"


class LedgerDraft(Report):
    """An entry that is to be appended."""

    kind: EntryKind
    key: str
    """What the entry is about, as a hash: an entry with a key that is there already is not appended again."""
    app: str = ""
    environment: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    """Facts, as plain JSON data. Never a secret."""


class LedgerEntry(LedgerDraft):
    """One entry."""

    sequence: int
    """Counts from 1, without gaps."""
    previous: str
    """Hash of the entry before; 64 zeros for the first."""
    time: datetime
    actor: str
    """Who did it, as `name <email>`."""
    hash: str
    """SHA-256 over the entry's canonical JSON, in hexadecimal digits (`docs/concepts/ledger.md`)."""


class LedgerHead(Report):
    """Where the ledger ends."""

    commit: str
    """Commit that holds the newest entry."""
    sequence: int
    hash: str


class ChangeCounts(Report):
    """How the rendered objects of clusters that change alike change."""

    clusters: tuple[str, ...]
    added: int = 0
    changed: int = 0
    removed: int = 0


class Decision(Report):
    """Why a promotion was allowed: with the fleet and its history at ``base``, all that the gates looked at."""

    stage: str
    """What was decided: `open` (the pull request or the direct commit), or `merge`."""
    promotion: PromotionKind
    app: str
    environment: str
    source: str | None = None
    base: str
    """Commit of the protected branch that it was decided for."""
    before: Release | None = None
    after: Release
    plan: str
    """Plan hash."""
    direct: bool = False
    gates: tuple[GateResult, ...] = ()
    overrides: tuple[Override, ...] = ()
    """What a person asked to promote past."""
    observations: Observations | None = None
    values: tuple[ValueMove, ...] = ()
    """What becomes of the values that differ between source and environment."""
    source_release: Release | None = None
    """The release as the source has it, where ``after`` differs from it in values."""
    changes: tuple[ChangeCounts, ...] = ()
    pull_request: int | None = None
    head: str | None = None
    """Head that was judged, of a merge."""
    approvers: tuple[str, ...] = ()


class AuditFault(Report):
    """One thing that is wrong with the ledger itself."""

    where: str
    what: str


class OutsideLanding(Report):
    """A change of a pin on the protected branch that no decision in the ledger allowed."""

    commit: str
    time: datetime
    app: str
    environment: str
    version: str = ""
    by: str = ""
    pull_request: int | None = None
    what: str


class Audit(Report):
    """What checking the ledger came to."""

    head: LedgerHead | None = None
    """Where the ledger ends; none: there is none."""
    faults: tuple[AuditFault, ...] = ()
    rewritten: str = ""
    """How it was rewritten since this clone last saw it."""
    seen: LedgerHead | None = None
    """Where it ended when this clone last saw it."""
    landings: int = 0
    """Changes of pins since the ledger began that were looked up in it."""
    earlier: int = 0
    """Changes of pins from before the ledger."""
    outside: tuple[OutsideLanding, ...] = ()
    """Those that landed outside of fleet."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.faults or self.rewritten or self.outside)


class GateReplay(Report):
    """One gate of a decision: as it was recorded, and as it is judged again."""

    name: str
    then: GateResult | None = None
    now: GateResult | None = None

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.then == self.now


class Replay(Report):
    """A past decision, made again from what is in git."""

    sequence: int
    """Entry of the ledger that holds it."""
    time: datetime
    actor: str
    decision: Decision
    gates: tuple[GateReplay, ...] = ()
    plan: str = ""
    """Plan hash, computed again."""
    differences: tuple[str, ...] = ()
    """What is not as it was recorded."""

    @property
    def ok(self) -> bool:
        """Whether the same was decided."""
        return not self.differences


class HistoryDetail(HistoryEntry):
    """One change of a pin with all that is known of it."""

    decided_at: datetime | None = None
    decided_by: str = ""
    decision: Decision | None = None
    """The decision in the ledger that let it be proposed; none: it landed outside fleet, or before the ledger."""
    sequence: int | None = None
    """Entry of the ledger that holds the decision."""
    rollback: str = ""
    """Command that goes back to what was before."""
