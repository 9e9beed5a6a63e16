"""What was observed outside of the fleet's files when a promotion was decided. Plain data, so that it can be kept.

Together with the fleet at a commit, the history in git and a time, this is all that a decision depends on: the ledger
keeps it, and a replay reads it back.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from fleet.model.base import Report
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.release import Release
from fleet.model.restriction import Restrictions


class TargetObservation(Report):
    """One target, looked at for one exact release."""

    target: Target
    release: Release
    """The release that was looked for."""
    status: HealthStatus
    exact: bool
    """Whether exactly that release is live."""
    reason: str = ""
    since: datetime | None = None
    """Since when exactly that release is live and healthy without a break, by the API server's clock."""
    problems: tuple[str, ...] = ()
    """Why the release cannot be rendered, so that nobody knows what should be live."""


class ProbeAnswer(Report):
    """What an outside system answered to the question of a gate of one's own."""

    gate: str
    """Name of the gate, as the policy has it."""
    app: str
    """The app that it was asked about."""
    environment: str
    """Where the app's release would go."""
    passed: bool | None
    """Whether the answer is good; none: there was no answer that could be judged."""
    reason: str
    """What was answered, in a few words; never a secret."""
    pending: bool = False
    """Whether an answer is on its way, as of a Job that still runs."""
    hint: str | None = None
    """What a person can do about it, where that is known."""


class Observations(Report):
    """Everything that was observed at one moment."""

    at: datetime
    targets: tuple[TargetObservation, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    """Kubernetes version (`1.36`) of each cluster that was asked and answered."""
    restrictions: Restrictions | None = None
    """None: they could not be read, so nobody knows."""
    unread: str = ""
    """Why the restrictions could not be read."""
    probes: tuple[ProbeAnswer, ...] = ()
    together: dict[str, Release] = Field(default_factory=dict)
    """Releases that move into the environment as one pull request, by app; empty: the app moves alone."""
    trains: dict[str, int] = Field(default_factory=dict)
    """Number of the open pull request that moves an app together with others, by app."""
