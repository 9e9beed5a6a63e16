"""Promotions: the plan that everything reads, and the record that git keeps."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from fleet.model.base import Report
from fleet.model.change import ChangeSet
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.release import Release


class PromotionKind(StrEnum):
    """Why a pin changes."""

    RELEASE = "release"  # a new release enters the first environment
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    MANUAL = "manual"  # a person committed the pin by hand


class TargetGroup(Report):
    """Targets whose rendered objects change in the same way."""

    targets: tuple[Target, ...]
    changes: ChangeSet


class PromotionPlan(Report):
    """Everything that a promotion of one app into one environment would do, computed without doing it.

    The dry run, the prompt, the pull request body and the executor all read this object.
    """

    kind: PromotionKind
    app: str
    source: str | None
    """Environment that the release comes from; none for a release and a rollback."""
    environment: str
    """Environment whose pin changes."""
    base: str
    """Commit of the protected branch that the plan was made against."""
    before: Release | None
    after: Release
    pin_path: str
    branch: str
    title: str
    gates: tuple[GateResult, ...] = ()
    groups: tuple[TargetGroup, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the reader must know: objects that cannot go back, promoted values that the target overrides."""
    digest: str = ""
    """Plan hash: rendered objects times targets, and the release. Bound to approvals."""

    @property
    def nothing_to_do(self) -> bool:
        """Whether the environment already has this release."""
        return self.before == self.after

    @property
    def blocked_by(self) -> tuple[GateResult, ...]:
        """Gates that keep the pull request from being opened."""
        return tuple(g for g in self.gates if g.holds == "open" and g.verdict is not Verdict.PASSED)


class HistoryEntry(Report):
    """One change of a pin, rebuilt from git alone."""

    id: str
    """Commit that changed the pin on the protected branch (first 12 digits)."""
    kind: PromotionKind
    app: str
    environment: str
    source: str | None = None
    before: Release | None = None
    after: Release | None = None
    author: str = ""
    time: datetime
    pull_request: int | None = None
    subject: str = ""
    trailers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
