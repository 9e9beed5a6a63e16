"""The four key metrics of software delivery, for apps and environments."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from fleet.model.base import Report


class Spread(Report):
    """How a duration is spread."""

    count: int = 0
    """How many could be measured."""
    median: float | None = None
    """Seconds; none: none could be measured."""
    p90: float | None = None
    """Seconds that nine of ten do not exceed."""


class DoraRow(Report):
    """The metrics of one app in one environment, or of all its apps."""

    environment: str
    app: str | None
    """None: all apps of the environment together."""
    deployments: int = 0
    """Releases and promotions that landed."""
    per_week: float = 0.0
    lead_time: Spread = Spread()
    """From the first commit in a release to its landing."""
    failures: int = 0
    """Deployments that were rolled back or mended."""
    failure_rate: float | None = None
    """Failures by deployments, 0 to 1; none: there were no deployments."""
    recovery: Spread = Spread()
    """From the landing of a bad release to that of what took its place."""


class DoraReport(Report):
    """The metrics of a time."""

    since: datetime
    until: datetime
    rows: tuple[DoraRow, ...] = ()
    unknown: tuple[str, ...] = ()
    """What this clone cannot know."""
    inferred: int = 0
    """Changes by hand, whose kind was told from the pins."""
    definitions: dict[str, str] = Field(default_factory=dict)
    """What each metric means here."""
