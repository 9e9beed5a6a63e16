"""What people put in the way of promotions: locks, holds and rejected releases. Kept in git, apart from the fleet."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from fleet.model.base import Report


class Lock(Report):
    """Keeps promotions from landing. What is not named is not restricted by it: a lock that names nothing locks all."""

    id: str
    """Name of the lock, unique."""
    environment: str | None = None
    app: str | None = None
    cluster: str | None = None
    """Holds promotions into the environment of this cluster."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Holds promotions into environments with a cluster that carries all of these labels."""
    owner: str
    """Who locked, as `name <email>`."""
    reason: str
    created: datetime
    expires: datetime | None = None
    """When it ends by itself; none: when somebody unlocks."""


class Hold(Report):
    """Keeps one app as it is in one environment, as after a rollback, until somebody releases it."""

    app: str
    environment: str
    owner: str
    reason: str
    created: datetime


class Rejection(Report):
    """A release that must not go anywhere any more."""

    app: str
    version: str
    revision: str
    owner: str
    reason: str
    created: datetime


class Restrictions(Report):
    """All of them at one moment."""

    locks: tuple[Lock, ...] = ()
    holds: tuple[Hold, ...] = ()
    rejections: tuple[Rejection, ...] = ()
