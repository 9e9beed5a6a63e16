"""Deployment frequency, lead time, change failure rate and time to recovery, from the history of pins. Pure.

The metrics are those of https://dora.dev/guides/dora-metrics-four-keys/; :data:`DEFINITIONS` says what they mean here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from fleet.model.dora import DoraRow, Spread
from fleet.model.promotion import HistoryEntry, PromotionKind

FORWARD = frozenset({PromotionKind.RELEASE, PromotionKind.PROMOTION, PromotionKind.HOTFIX})
FIX_WITHIN = timedelta(days=7)
FIX_TRAILER = "Fleet-Hotfix"
_FIX = re.compile(r"hotfix\b", re.IGNORECASE)
_WEEK = timedelta(weeks=1)

DEFINITIONS = {
    "deployments": "releases, promotions and hotfixes that landed on the protected branch, in the time and "
    "per week of it (of a day at least); rollbacks are none",
    "leadTime": "from the first commit below apps/APP that came to the protected branch after the revision of the "
    "release before, up to that of this one, to the landing; a release without such a commit counts from its first "
    "landing anywhere; the first release of an app in an environment has none",
    "failureRate": "deployments whose next change in that environment is a rollback, or within 7 days a hotfix "
    "(one past an environment, or marked by a trailer Fleet-Hotfix or a subject that begins with hotfix), "
    "by deployments",
    "recovery": "from the landing of such a deployment to that of the rollback or hotfix",
    "percentiles": "nearest rank",
}
"""What each metric means; shown with every report."""

Landing = tuple[str, str, str]
"""Commit, app and environment: names one change of a pin."""


@dataclass(frozen=True, slots=True)
class _Deployment:
    """One release that landed."""

    entry: HistoryEntry
    lead: timedelta | None
    recovery: timedelta | None
    """None: it was not a failure."""


def landing_of(entry: HistoryEntry) -> Landing:
    """Return what names an entry."""
    return entry.commit, entry.app, entry.environment


def measure(
    entries: Sequence[HistoryEntry],
    started: Mapping[Landing, datetime],
    *,
    since: datetime,
    until: datetime,
    order: Sequence[str] = (),
) -> tuple[DoraRow, ...]:
    """Return the metrics of each environment, and of each app in it, for deployments that landed in a time.

    Args:
        entries: changes of pins, newest first; also earlier and later ones than the time.
        started: when work on a release began that landed, where that is known.
        since: begin of the time.
        until: its end; not part of it.
        order: environments in the order of the pipeline; others follow by name.
    """
    found: dict[tuple[str, str], list[_Deployment]] = {}
    places: dict[tuple[str, str], None] = {}
    following: dict[tuple[str, str], HistoryEntry] = {}
    for entry in entries:
        place = (entry.environment, entry.app)
        places[place] = None
        if entry.kind in FORWARD and since <= entry.time < until:
            made = _Deployment(entry, _lead(entry, started), _recovery(entry, following.get(place)))
            found.setdefault(place, []).append(made)
        following[place] = entry
    ranks = {name: number for number, name in enumerate(order)}
    names = sorted({environment for environment, _ in places}, key=lambda name: (ranks.get(name, len(ranks)), name))
    weeks = max(until - since, timedelta(days=1)) / _WEEK
    rows = []
    for name in names:
        apps = sorted(app for environment, app in places if environment == name)
        rows.append(_row(name, None, [d for app in apps for d in found.get((name, app), ())], weeks))
        rows += [_row(name, app, found.get((name, app), ()), weeks) for app in apps]
    return tuple(rows)


def spread(durations: Iterable[timedelta]) -> Spread:
    """Return median and 90th percentile by nearest rank: values that were really measured."""
    seconds = sorted(duration.total_seconds() for duration in durations)
    if not seconds:
        return Spread()
    return Spread(count=len(seconds), median=_rank(seconds, 0.5), p90=_rank(seconds, 0.9))


def _rank(ordered: Sequence[float], part: float) -> float:
    return ordered[max(0, ceil(part * len(ordered)) - 1)]


def _row(environment: str, app: str | None, made: Sequence[_Deployment], weeks: float) -> DoraRow:
    failed = [d.recovery for d in made if d.recovery is not None]
    return DoraRow(
        environment=environment,
        app=app,
        deployments=len(made),
        per_week=len(made) / weeks if weeks > 0 else 0.0,
        lead_time=spread(d.lead for d in made if d.lead is not None),
        failures=len(failed),
        failure_rate=len(failed) / len(made) if made else None,
        recovery=spread(failed),
    )


def _lead(entry: HistoryEntry, started: Mapping[Landing, datetime]) -> timedelta | None:
    begin = started.get(landing_of(entry))
    return max(entry.time - begin, timedelta()) if begin is not None else None


def _recovery(entry: HistoryEntry, following: HistoryEntry | None) -> timedelta | None:
    """Return how long a bad release was there; None if nothing says that it was bad."""
    if following is None:
        return None
    time = max(following.time - entry.time, timedelta())
    if following.kind is PromotionKind.ROLLBACK:
        return time
    return time if is_fix(following) and time <= FIX_WITHIN else None


def is_fix(entry: HistoryEntry) -> bool:
    """Say whether a change is marked as one that mends the release before it."""
    marked = entry.kind is PromotionKind.HOTFIX or FIX_TRAILER in entry.trailers
    return entry.kind in FORWARD and (marked or _FIX.match(entry.subject) is not None)
