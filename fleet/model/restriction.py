"""What people put in the way of promotions: locks, holds and rejected releases. Kept in git, apart from the fleet."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from fleet.model.base import Report
from fleet.model.names import LABEL_PATTERN, AppName, ClusterName, EnvironmentName
from fleet.model.release import SEMVER_PATTERN, CommitId

LOCK_ID_LIMIT = 63
REASON_LIMIT = 1_000
LABELS_LIMIT = 20

LockId = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=LOCK_ID_LIMIT)]
Person = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_LIMIT)]
Version = Annotated[str, StringConstraints(pattern=SEMVER_PATTERN.replace(r"\d", "[0-9]"), max_length=128)]


class Lock(Report):
    """Keeps promotions from landing. What is not named is not restricted by it: a lock that names nothing locks all."""

    id: LockId
    """Name of the lock, unique."""
    environment: EnvironmentName | None = None
    app: AppName | None = None
    cluster: ClusterName | None = None
    """Holds promotions into the environment of this cluster."""
    labels: dict[str, str] = Field(default_factory=dict, max_length=LABELS_LIMIT)
    """Holds promotions into environments with a cluster that carries all of these labels."""
    owner: Person
    """Who locked, as `name <email>`."""
    reason: Why
    created: AwareDatetime
    expires: AwareDatetime | None = None
    """When it ends by itself; none: when somebody unlocks."""

    @property
    def scope(self) -> str:
        """What it locks, in words: `web in prod`, `the whole fleet`."""
        parts = [self.app] if self.app else []
        if self.environment:
            parts.append(f"in {self.environment}" if parts else self.environment)
        if self.cluster:
            parts.append(f"on {self.cluster}" if parts else f"cluster {self.cluster}")
        if self.labels:
            labels = ",".join(f"{key}={value}" for key, value in sorted(self.labels.items()))
            parts.append(f"on clusters with {labels}" if parts else f"clusters with {labels}")
        return " ".join(parts) or "the whole fleet"

    def same_scope(self, other: Lock) -> bool:
        """Say whether another lock locks the very same."""
        fields = ("environment", "app", "cluster", "labels")
        return all(getattr(self, field) == getattr(other, field) for field in fields)


class Hold(Report):
    """Keeps one app as it is in one environment, as after a rollback, until somebody releases it."""

    app: AppName
    environment: EnvironmentName
    owner: Person
    reason: Why
    created: AwareDatetime


class Rejection(Report):
    """A release that must not go anywhere any more."""

    app: AppName
    version: Version
    revision: CommitId
    owner: Person
    reason: Why
    created: AwareDatetime


class Restrictions(Report):
    """All of them at one moment."""

    locks: tuple[Lock, ...] = ()
    holds: tuple[Hold, ...] = ()
    rejections: tuple[Rejection, ...] = ()


class LockReport(Report):
    """What came of `fleet lock` and `fleet unlock`."""

    lock: Lock
    changed: bool
    """Whether this call changed anything; if not, it was so already."""
    environments: tuple[str, ...] = ()
    """Environments in which it holds (or held) something."""


class HoldReport(Report):
    """What came of `fleet hold` and `fleet release-hold`."""

    hold: Hold
    changed: bool


class RestrictionsReport(Report):
    """What `fleet locks` shows."""

    at: AwareDatetime
    locks: tuple[Lock, ...] = ()
    expired: tuple[Lock, ...] = ()
    """Locks that have ended, and that nobody removed."""
    holds: tuple[Hold, ...] = ()
    rejections: tuple[Rejection, ...] = ()


class Proposal(Report):
    """An open pull request that would bring a release somewhere."""

    number: int
    title: str
    url: str = ""


class LiveRelease(Report):
    """An environment where a release is pinned."""

    environment: str
    clusters: int
    command: str
    """What takes it away from there."""


class RejectionReport(Report):
    """What came of `fleet reject`."""

    rejection: Rejection
    changed: bool
    """Whether it was rejected just now; if not, it was already."""
    withdrawn: tuple[Proposal, ...] = ()
    """Pull requests that would have brought it, and were closed."""
    live: tuple[LiveRelease, ...] = ()
