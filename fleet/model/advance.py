"""What came of moving every promotion one step further: the report of `fleet promotions advance`."""

from __future__ import annotations

from enum import StrEnum

from fleet.model.base import Report
from fleet.model.gate import GateResult
from fleet.model.promotion import PromotionError


class Step(StrEnum):
    """What happened to one promotion."""

    MERGED = "merged"
    OPENED = "opened"  # or brought up to date; its merge is held
    WAITING = "waiting"  # a gate holds the next step
    BUSY = "busy"  # somebody else moves it at this moment; the next run goes on
    FAILED = "failed"


class Advance(Report):
    """One promotion into an environment that promotes by itself."""

    app: str
    environment: str
    step: Step
    release: str = ""
    """What moves, for people: `1.4.0 (4f1c2e0)`."""
    pull_request: int | None = None
    commit: str | None = None
    """The merge commit."""
    held_by: tuple[GateResult, ...] = ()
    error: PromotionError | None = None


class Advances(Report):
    """All of them, in pipeline order."""

    revision: str
    automatic: tuple[str, ...] = ()
    """Environments whose policy says `merge: auto`."""
    advances: tuple[Advance, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed. Waiting is no failure."""
        return all(one.step is not Step.FAILED for one in self.advances)
