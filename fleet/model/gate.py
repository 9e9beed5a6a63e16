"""Gates: named checks with a verdict and a reason."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from fleet.model.base import Report


class Verdict(StrEnum):
    """What a gate says. Pending is "not yet" (or "cannot be evaluated"), failed is a no."""

    PASSED = "passed"
    PENDING = "pending"
    FAILED = "failed"


class Override(Report):
    """A person's decision to promote past a gate."""

    gate: str
    """Name of the gate, with or without what stands in brackets: `soak` means every `soak(...)`."""
    by: str
    """Who decided, as `name <email>`."""
    reason: str


class GateResult(Report):
    """A gate evaluated for one promotion."""

    name: str
    """Like `health(staging)`."""
    verdict: Verdict
    reason: str
    holds: str
    """What it holds: `open` (the pull request may not be opened) or `merge`."""
    hint: str | None = None
    since: datetime | None = None
    """Since when the verdict is what it is, where that is known."""
    clears: str | None = None
    """Who or what can make it pass, where that is not plain from the reason: `time`, `ada@example.com`, …"""
    earliest: datetime | None = None
    """The earliest time at which it could pass without anybody doing anything; none if that cannot be said."""
    override: Override | None = None
    """The decision to promote past it, if there is one and the policy lets that person make it."""

    @property
    def kind(self) -> str:
        """Name without what stands in brackets: `soak` of `soak(staging)`."""
        return self.name.partition("(")[0]

    @property
    def passes(self) -> bool:
        """Whether it holds nothing: it passed, or it was overridden."""
        return self.verdict is Verdict.PASSED or self.override is not None
