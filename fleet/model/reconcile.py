"""Reconciliation: plan, results and runs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from fleet.errors import Problem
from fleet.model.base import Report
from fleet.model.change import ChangeSet
from fleet.model.health import TargetHealth
from fleet.model.names import Target
from fleet.model.release import Release


class Action(StrEnum):
    """What a reconcile intends to do with a target."""

    APPLY = "apply"
    SKIP = "skip"  # recorded equals desired and nothing drifted
    REMOVE = "remove"  # the target is no longer declared; its owned objects are pruned
    REFUSE = "refuse"  # cannot be planned: render error, unreachable cluster


class PlannedTarget(Report):
    """What happens to one target, and why."""

    target: Target
    wave: str
    action: Action
    reason: str
    """Like `new`, `release 1.2.0 → 1.3.0`, `values or templates changed`, `2 objects drifted`."""
    release: Release | None = None


class ReconcilePlan(Report):
    """Ordered plan of one reconcile; targets are in environment, wave, cluster and app order."""

    revision: str
    targets: tuple[PlannedTarget, ...]

    def having(self, action: Action) -> tuple[PlannedTarget, ...]:
        """Return the targets with this action."""
        return tuple(t for t in self.targets if t.action is action)


class Outcome(StrEnum):
    """How a target ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    FAILED = "failed"  # the API server or the app said no
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"  # an earlier wave did not become healthy, or somebody else holds the lease
    INVALID = "invalid"  # render error


BAD_OUTCOMES = frozenset({Outcome.FAILED, Outcome.UNREACHABLE, Outcome.BLOCKED, Outcome.INVALID})


class TargetResult(Report):
    """Result of one target in one run."""

    target: Target
    wave: str
    outcome: Outcome
    reason: str = ""
    release: Release | None = None
    changes: ChangeSet = ChangeSet()
    health: TargetHealth | None = None
    duration: float = 0.0
    """Seconds."""
    problems: tuple[Problem, ...] = ()
    hint: str | None = None


class Run(Report):
    """One execution of a reconcile plan."""

    id: str
    """Sortable by time: `20261123T201500-7f3a`."""
    revision: str
    started: datetime
    finished: datetime | None = None
    by: str = ""
    dry_run: bool = False
    results: tuple[TargetResult, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no target ended badly."""
        return not any(r.outcome in BAD_OUTCOMES for r in self.results)
