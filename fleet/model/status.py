"""The report of `fleet status`: what runs where, how well, and what is on its way."""

from __future__ import annotations

from pydantic import Field

from fleet.model.base import Report
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.release import Release


class TargetStatus(Report):
    """One app on one cluster."""

    target: Target
    wave: str
    desired: Release | None = None
    """What git says; none where nothing was released yet."""
    running: Release | None = None
    """What is live, as far as it is known: the desired release if exactly that is live, else the recorded one."""
    exact: bool = False
    """Whether exactly what git says is live."""
    health: HealthStatus = HealthStatus.UNKNOWN
    reason: str = ""
    """Why it is not healthy, or not known."""
    drifted: int | None = None
    """Objects that changed behind our back; none where there is no record to compare with."""


class PullRequestBrief(Report):
    """An open pull request that changes a pin."""

    number: int
    title: str
    environment: str
    app: str
    version: str = ""
    url: str = ""


class AppStatus(Report):
    """One app in one environment: its row on the screen."""

    environment: str
    app: str
    release: Release | None = None
    targets: tuple[TargetStatus, ...] = ()
    pull_requests: tuple[PullRequestBrief, ...] = ()
    restrictions: tuple[str, ...] = ()
    """Locks and holds that keep promotions of it out, in words."""

    @property
    def healthy(self) -> int:
        """Targets that run exactly the desired release and are healthy."""
        return sum(1 for t in self.targets if t.exact and t.health is HealthStatus.HEALTHY)

    @property
    def drifted(self) -> int | None:
        """Drifted objects on all clusters; none if no cluster could say."""
        known = [t.drifted for t in self.targets if t.drifted is not None]
        return sum(known) if known else None

    @property
    def pending(self) -> tuple[TargetStatus, ...]:
        """Targets that are known to run something else than the desired release."""
        return tuple(t for t in self.targets if not t.exact and t.health is not HealthStatus.UNKNOWN and t.desired)


class ClusterStatus(Report):
    """One cluster: its row on the screen."""

    name: str
    environment: str
    wave: str
    reachable: bool
    reason: str = ""
    """Why it cannot be reached."""
    apps: int = 0
    healthy: int = 0


class FleetStatus(Report):
    """Everything that `fleet status` shows."""

    revision: str | None = None
    origin: str = ""
    apps: tuple[AppStatus, ...] = ()
    """In pipeline order, then by app."""
    clusters: tuple[ClusterStatus, ...] = ()
    unreachable: dict[str, str] = Field(default_factory=dict)
    """Reason for each cluster that could not be asked."""
    warnings: tuple[str, ...] = ()
    """What could not be found out, such as pull requests of a forge that does not answer."""

    @property
    def ok(self) -> bool:
        """Whether every app that has a release is healthy at exactly that release everywhere."""
        return all(a.healthy == len(a.targets) for a in self.apps if a.release is not None)
