"""What promotions could happen, and what is in their way: the reports of `fleet plan` and `fleet why`."""

from __future__ import annotations

from datetime import datetime

from fleet.model.base import Report
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionError, PromotionPlan


class Outlook(Report):
    """One app on its way into one environment, as things stand (or would stand at another time)."""

    app: str
    environment: str
    source: str | None = None
    plan: PromotionPlan | None = None
    """None: it cannot be planned; the error says why."""
    pull_request: int | None = None
    """The open pull request."""
    gates: tuple[GateResult, ...] = ()
    """Of the open pull request those that hold its merge; without one, those of the promotion."""
    error: PromotionError | None = None

    @property
    def held_by(self) -> tuple[GateResult, ...]:
        """Gates that hold the next step: opening the pull request, or merging the open one."""
        step = "merge" if self.pull_request is not None else "open"
        return tuple(g for g in self.gates if not g.passes and (step == "merge" or g.holds == "open"))

    @property
    def earliest(self) -> datetime | None:
        """The earliest time at which the next step could be free by time alone; None if that cannot be said."""
        held = self.held_by
        times = [gate.earliest for gate in held]
        if not held or any(time is None for time in times):
            return None
        return max(time for time in times if time is not None)

    @property
    def verdict(self) -> Verdict:
        """What all gates say together about the next step."""
        if self.error is not None or any(g.verdict is Verdict.FAILED for g in self.held_by):
            return Verdict.FAILED
        return Verdict.PENDING if self.held_by else Verdict.PASSED

    @property
    def nothing_to_do(self) -> bool:
        """Whether the environment has the release of its source already."""
        return self.plan is not None and self.plan.nothing_to_do


class Forecast(Report):
    """Every promotion of the fleet that has something to move."""

    at: datetime
    """The time that it is worked out for."""
    revision: str
    outlooks: tuple[Outlook, ...] = ()
