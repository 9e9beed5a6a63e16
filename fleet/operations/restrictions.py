"""Locks and holds: put them in the way of promotions, take them away, and list what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet.engine.names import require_known
from fleet.engine.restricting import is_active, locked_environments, moment
from fleet.errors import UsageError
from fleet.model.fleet import Fleet
from fleet.model.names import LABEL_PATTERN
from fleet.model.restriction import (
    LOCK_ID_LIMIT,
    Hold,
    HoldReport,
    Lock,
    LockReport,
    RestrictionsReport,
)
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.reasons import checked_reason
from fleet.ports.clock import Clock
from fleet.ports.config import FleetLoader
from fleet.ports.repository import RepositoryReader
from fleet.ports.restrictions import RestrictionReader, RestrictionWriter

LOCKS_NOTHING = "FLT-RST-010"
BAD_ID = "FLT-RST-011"
ENDED = "FLT-RST-013"


@dataclass(frozen=True)
class LockRequest:
    """What a person wants to lock. What is not named is not restricted."""

    reason: str
    environment: str | None = None
    app: str | None = None
    cluster: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    expires: datetime | None = None
    """When it ends."""
    lasts: timedelta | None = None
    """How long it lasts, instead of when it ends."""
    identifier: str | None = None


def lock(
    request: LockRequest,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    branch: str,
    restrictions: RestrictionWriter,
    clock: Clock,
) -> LockReport:
    """Lock a part of the fleet, or all of it.

    Raises:
        UsageError: a name is not known, it would lock nothing, it would have ended already, or the reason is empty.
        RestrictionError: the id belongs to another lock.
    """
    fleet, _ = load_fleet(repository, loader, branch)
    _require_names(fleet, request)
    now = clock.now().replace(microsecond=0)
    expires = _end(request, now)
    identifier = request.identifier or _identifier(request)
    if not re.fullmatch(LABEL_PATTERN.strip("^$"), identifier) or len(identifier) > LOCK_ID_LIMIT:
        raise UsageError(
            f"`{identifier[:80]}` cannot be the name of a lock",
            code=BAD_ID,
            hints=(f"use small letters, digits and `-`, at most {LOCK_ID_LIMIT}: `--id release-week`",),
        )
    wanted = Lock(
        id=identifier,
        environment=request.environment,
        app=request.app,
        cluster=request.cluster,
        labels=dict(request.labels),
        owner=repository.identity,
        reason=checked_reason(request.reason),
        created=now,
        expires=expires,
    )
    environments = locked_environments(wanted, fleet)
    if not environments:
        raise UsageError(
            f"there is nothing to lock: no environment fits `{wanted.scope}`",
            code=LOCKS_NOTHING,
            hints=("fleet status --clusters",),
        )
    written = restrictions.lock(wanted)
    return LockReport(lock=written.value, changed=written.changed, environments=environments)


def unlock(
    identifier: str,
    reason: str = "",
    *,
    force: bool = False,
    repository: RepositoryReader,
    restrictions: RestrictionWriter,
) -> LockReport:
    """Remove a lock.

    Raises:
        UsageError: there never was such a lock.
        RestrictionError: it belongs to somebody else, and ``force`` was not given.
    """
    written = restrictions.unlock(identifier, by=repository.identity, reason=reason.strip(), force=force)
    return LockReport(lock=written.value, changed=written.changed)


def hold(
    app: str,
    environment: str,
    reason: str,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    branch: str,
    restrictions: RestrictionWriter,
    clock: Clock,
) -> HoldReport:
    """Keep an app as it is in an environment.

    Raises:
        UsageError: a name is not known, or the reason is empty.
    """
    fleet, _ = load_fleet(repository, loader, branch)
    require_known("app", app, fleet.apps)
    require_known("environment", environment, fleet.environments)
    written = restrictions.hold(
        Hold(
            app=app,
            environment=environment,
            owner=repository.identity,
            reason=checked_reason(reason),
            created=clock.now().replace(microsecond=0),
        )
    )
    return HoldReport(hold=written.value, changed=written.changed)


def release_hold(
    app: str, environment: str, reason: str = "", *, repository: RepositoryReader, restrictions: RestrictionWriter
) -> HoldReport:
    """Let promotions of an app into an environment through again.

    Raises:
        UsageError: there never was such a hold.
    """
    written = restrictions.release_hold(app, environment, by=repository.identity, reason=reason.strip())
    return HoldReport(hold=written.value, changed=written.changed)


def list_restrictions(*, restrictions: RestrictionReader, clock: Clock) -> RestrictionsReport:
    """Return everything that is in the way of promotions; locks that have ended apart."""
    now, found = clock.now(), restrictions.read()
    return RestrictionsReport(
        at=now,
        locks=tuple(lock for lock in found.locks if is_active(lock, now)),
        expired=tuple(lock for lock in found.locks if not is_active(lock, now)),
        holds=found.holds,
        rejections=found.rejections,
    )


def _end(request: LockRequest, now: datetime) -> datetime | None:
    """Return when a lock ends; none: when somebody unlocks."""
    try:
        end = now + request.lasts if request.lasts is not None else request.expires
    except OverflowError as error:
        raise UsageError(
            "no lock lasts that long", code=ENDED, hints=("leave it out: until `fleet unlock`",)
        ) from error
    if end is not None and end <= now:
        raise UsageError(f"the lock would have ended at {moment(end)} already", code=ENDED)
    return end


def _require_names(fleet: Fleet, request: LockRequest) -> None:
    for what, name, known in (
        ("environment", request.environment, fleet.environments),
        ("app", request.app, fleet.apps),
        ("cluster", request.cluster, fleet.clusters),
    ):
        if name is not None:
            require_known(what, name, known)
    pairs = {f"{key}={value}" for spec in fleet.clusters.values() for key, value in spec.labels.items()}
    for key, value in request.labels.items():
        require_known("cluster with the label", f"{key}={value}", pairs)


def _identifier(request: LockRequest) -> str:
    """Return a name after what is locked, so that the same lock twice is one."""
    parts = [
        request.environment,
        request.app,
        request.cluster,
        *(f"{k}-{v}" for k, v in sorted(request.labels.items())),
    ]
    text = re.sub(r"[^a-z0-9]+", "-", "-".join(part for part in parts if part).lower()).strip("-")
    return text[:LOCK_ID_LIMIT].strip("-") or "fleet"
