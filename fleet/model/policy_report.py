"""What `fleet test` reports."""

from __future__ import annotations

from datetime import datetime

from fleet.errors import Location, Problem
from fleet.model.base import Report
from fleet.model.gate import GateResult


class Failure(Report):
    """An expectation that does not hold."""

    location: Location
    """Where it is written."""
    what: str
    """Name of the gate, or what else it is about."""
    expected: str
    found: str
    reasons: tuple[str, ...] = ()
    """What the gates say that it is about."""


class MomentResult(Report):
    """What came of one moment of a scenario."""

    name: str
    """Name of the step; empty for the first one."""
    at: datetime
    open: bool
    """Whether the pull request may be opened."""
    merge: bool
    """Whether it may be merged."""
    gates: tuple[GateResult, ...] = ()
    refused: tuple[str, ...] = ()
    """Why overrides are refused."""
    failures: tuple[Failure, ...] = ()


class ScenarioResult(Report):
    """What came of one scenario."""

    name: str
    location: Location
    """Where it stands."""
    app: str
    environment: str
    moments: tuple[MomentResult, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that it expects holds."""
        return not any(moment.failures for moment in self.moments)


class PolicyTestReport(Report):
    """What came of all scenarios."""

    origin: str
    """Where the fleet and the scenarios were read from."""
    revision: str | None = None
    held: int = 0
    """Scenarios that hold."""
    broken: int = 0
    """Scenarios that do not."""
    scenarios: tuple[ScenarioResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Why files cannot be read; then nothing is tested."""
