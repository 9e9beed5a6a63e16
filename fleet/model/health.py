"""Health of objects and targets, as the kstatus rules define it.

Source of the rules: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from fleet.model.base import Report
from fleet.model.objects import ObjectRef


class HealthStatus(StrEnum):
    """State of an object or target. Ordered from good to bad by :data:`SEVERITY`."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    FAILED = "failed"
    MISSING = "missing"
    UNKNOWN = "unknown"  # the cluster could not be asked


SEVERITY = {
    HealthStatus.HEALTHY: 0,
    HealthStatus.PROGRESSING: 1,
    HealthStatus.UNKNOWN: 2,
    HealthStatus.MISSING: 3,
    HealthStatus.FAILED: 4,
}


class ObjectHealth(Report):
    """Health of one object, with the reason where it is not healthy."""

    ref: ObjectRef
    status: HealthStatus
    reason: str = ""


class TargetHealth(Report):
    """Health of a target: the worst of its objects.

    ``exact`` says whether what is live is the very release that was asked about: every desired object is there
    with the digest of that release. Without it, health says nothing about the release.
    """

    status: HealthStatus
    exact: bool
    reason: str = ""
    objects: tuple[ObjectHealth, ...] = ()
    since: datetime | None = None
    """Since when exactly this release is live and healthy without a break, by the API server's clock; none if it is
    not, or if that is not known."""
