"""Gates: named checks with a verdict and a reason."""

from __future__ import annotations

from enum import StrEnum

from fleet.model.base import Report


class Verdict(StrEnum):
    """What a gate says. Pending is "not yet" (or "cannot be evaluated"), failed is a no."""

    PASSED = "passed"
    PENDING = "pending"
    FAILED = "failed"


class GateResult(Report):
    """A gate evaluated for one promotion."""

    name: str
    """Like `health(staging)`."""
    verdict: Verdict
    reason: str
    holds: str
    """What it holds: `open` (the pull request may not be opened) or `merge`."""
    hint: str | None = None
