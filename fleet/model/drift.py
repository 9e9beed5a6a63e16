"""Reports of `fleet drift` (recorded against live) and `fleet diff` (desired against live)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from fleet.errors import Problem
from fleet.model.base import Report
from fleet.model.change import ChangeSet
from fleet.model.names import Target
from fleet.model.release import Release


class DriftState(StrEnum):
    """What the comparison of a target's recorded with its live state says."""

    CLEAN = "clean"
    DRIFTED = "drifted"
    UNRECORDED = "unrecorded"  # fleet never applied it from here: there is nothing to compare with
    SUPERSEDED = "superseded"  # a fleet with another local store applied it since: our record is out of date
    UNREACHABLE = "unreachable"


class TargetDrift(Report):
    """What changed on one target behind our back."""

    target: Target
    state: DriftState
    reason: str = ""
    changes: ChangeSet = ChangeSet()


class DriftReport(Report):
    """Drift of every selected target, in environment, wave, cluster and app order."""

    revision: str | None = None
    targets: tuple[TargetDrift, ...] = ()
    unreachable: dict[str, str] = Field(default_factory=dict)
    """Reason for each cluster that could not be asked."""

    def having(self, *states: DriftState) -> tuple[TargetDrift, ...]:
        """Return the targets in one of these states."""
        return tuple(t for t in self.targets if t.state in states)


class TargetDiff(Report):
    """What a reconcile would change on one target, from server-side dry runs."""

    target: Target
    release: Release | None = None
    changes: ChangeSet = ChangeSet()
    unchanged: int = 0
    """How many desired objects are live as they should be."""
    problems: tuple[Problem, ...] = ()
    """Why it cannot be rendered, or which objects the API server refuses."""
    unreachable: bool = False


class DiffReport(Report):
    """Differences of every selected target, in environment, wave, cluster and app order."""

    revision: str | None = None
    targets: tuple[TargetDiff, ...] = ()
    unreachable: dict[str, str] = Field(default_factory=dict)
    """Reason for each cluster that could not be asked."""

    @property
    def different(self) -> tuple[TargetDiff, ...]:
        """Targets on which something would change."""
        return tuple(t for t in self.targets if not t.changes.empty)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, each once."""
        return tuple(dict.fromkeys(p for t in self.targets for p in t.problems))
