"""What a lock is about: which promotions it holds, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from fleet.engine.lines import one_line
from fleet.model.fleet import Fleet
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions

_WIDTH = 60


def moment(time: datetime) -> str:
    """Return a time as people read it, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def is_active(lock: Lock, now: datetime) -> bool:
    """Say whether a lock has not ended yet. At the very moment that it names, it has."""
    return lock.expires is None or now < lock.expires


def locks(lock: Lock, fleet: Fleet, app: str, environment: str) -> bool:
    """Say whether a lock holds promotions of an app into an environment.

    Everything that it names has to fit, and cluster and labels have to fit one and the same cluster. A pin is of a
    whole environment, so one locked cluster holds all of it.
    """
    if lock.app not in (None, app) or lock.environment not in (None, environment):
        return False
    if lock.cluster is None and not lock.labels:
        return True
    return any(_on_cluster(lock, fleet, cluster) for cluster in fleet.environments[environment].clusters)


def locked_environments(lock: Lock, fleet: Fleet) -> tuple[str, ...]:
    """Return the environments of a fleet that a lock holds something in."""
    apps = [lock.app] if lock.app else sorted(fleet.apps) or [""]
    return tuple(name for name in fleet.environments if any(locks(lock, fleet, app, name) for app in apps))


def holds(hold: Hold, app: str, environment: str) -> bool:
    """Say whether a hold keeps an app as it is in an environment."""
    return (hold.app, hold.environment) == (app, environment)


def restricted_by(known: Restrictions, fleet: Fleet, app: str, environment: str, now: datetime) -> tuple[str, ...]:
    """Return in a few words each what keeps promotions of an app out of an environment."""
    found = [k for k in known.locks if is_active(k, now) and locks(k, fleet, app, environment)]
    words = [f"locked by {_name(lock.owner)}: {one_line(lock.reason, _WIDTH)}" for lock in found]
    held = [h for h in known.holds if holds(h, app, environment)]
    return (*words, *(f"held by {_name(h.owner)}: {one_line(h.reason, _WIDTH)}" for h in held))


def _name(person: str) -> str:
    return one_line(person.partition(" <")[0], _WIDTH)


def rejection_of(rejections: Iterable[Rejection], app: str, version: str, revision: str) -> Rejection | None:
    """Return the rejection of a release: by version and revision, whatever images and values it has."""
    wanted = (app, version, revision)
    return next((r for r in rejections if (r.app, r.version, r.revision) == wanted), None)


def _on_cluster(lock: Lock, fleet: Fleet, name: str) -> bool:
    if lock.cluster not in (None, name):
        return False
    labels = fleet.clusters[name].labels if name in fleet.clusters else {}
    return all(labels.get(key) == value for key, value in lock.labels.items())
