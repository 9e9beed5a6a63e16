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
    AWAIT = "await"  # as skip, but what runs is not healthy yet: nothing is written, its health is awaited
    REMOVE = "remove"  # the target is no longer declared; its owned objects are pruned
    LEAVE = "leave"  # out of reach of this run: nothing released yet, or not declared any more and not pruned
    REFUSE = "refuse"  # cannot be planned: render error, unreachable cluster


class PlannedTarget(Report):
    """What happens to one target, and why."""

    target: Target
    wave: str
    action: Action
    reason: str
    """Like `new`, `release 1.2.0 → 1.3.0`, `values or templates changed`, `2 objects drifted`."""
    release: Release | None = None
    gated: bool = False
    """Whether it waits for the earlier waves of its app and environment; mending what is recorded does not."""
    unreachable: bool = False
    """Refused because its cluster cannot be reached."""
    problems: tuple[Problem, ...] = ()
    hint: str | None = None


class ReconcilePlan(Report):
    """Ordered plan of one reconcile; targets are in environment, wave, cluster and app order."""

    revision: str
    targets: tuple[PlannedTarget, ...]

    def having(self, *actions: Action) -> tuple[PlannedTarget, ...]:
        """Return the targets with one of these actions."""
        return tuple(t for t in self.targets if t.action in actions)

    @property
    def changes(self) -> tuple[PlannedTarget, ...]:
        """Targets that this plan writes to."""
        return self.having(Action.APPLY, Action.REMOVE)


class Outcome(StrEnum):
    """How a target ended."""

    PLANNED = "planned"  # dry run: it would be applied or removed
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
    warnings: tuple[str, ...] = ()
    """What went well but should be known: fields that were taken over from another manager, objects left alone."""

    @property
    def ok(self) -> bool:
        """Whether the target ended well."""
        return self.outcome not in BAD_OUTCOMES


class Run(Report):
    """One execution of a reconcile plan."""

    id: str
    """Sortable by time: `20261123T201500-7f3a`."""
    revision: str
    started: datetime
    finished: datetime | None = None
    by: str = ""
    dry_run: bool = False
    interrupted: bool = False
    """Whether a person stopped it: targets that had not started are blocked."""
    results: tuple[TargetResult, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no target ended badly."""
        return all(r.ok for r in self.results)

    def having(self, *outcomes: Outcome) -> tuple[TargetResult, ...]:
        """Return the results with one of these outcomes."""
        return tuple(r for r in self.results if r.outcome in outcomes)
