"""Soak: how long a release has to be healthy in an environment before it may leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet.engine.gates.case import OPEN, Case
from fleet.model.durations import brief, seconds
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus
from fleet.model.observation import TargetObservation
from fleet.model.release import Release


@dataclass(frozen=True, slots=True)
class Soak:
    """How far the soak of a release in an environment is."""

    healthy: bool
    """Whether the release is healthy on all clusters right now."""
    since: datetime | None
    """Since when it is, without a break; None: that is not known."""
    needed: timedelta
    reason: str = ""
    """What is not healthy, or not known."""

    @property
    def end(self) -> datetime | None:
        """When it is over, if nothing breaks it."""
        return self.since + self.needed if self.since is not None else None

    def over(self, now: datetime) -> bool:
        """Say whether the release may leave."""
        return self.end is not None and self.end <= now

    def told(self, now: datetime) -> str:
        """Return how much of it is done, like `1h12m of 2h done`."""
        whole = brief(self.needed.total_seconds())
        if self.since is None or self.over(now):
            return f"{whole} done"
        return f"{brief(max(now - self.since, timedelta(0)).total_seconds())} of {whole} done"


def needed(case: Case, environment: str) -> timedelta:
    """Return how long releases have to soak in an environment; zero: they need not."""
    soak = case.fleet.environments[environment].spec.policy.soak
    return timedelta(seconds=seconds(soak)) if soak is not None else timedelta(0)


def soak_of(case: Case, environment: str, release: Release) -> Soak:
    """Return how far the soak of a release in an environment is.

    It starts when the last cluster became healthy at exactly this release, and not before the release came to the
    environment: a release whose objects are those of the one before soaks too.
    """
    length = needed(case, environment)
    targets = case.targets(environment)
    if not targets:
        return Soak(False, None, length, f"`{environment}` has no cluster")
    times = [came] if (came := _came(case, environment, release)) is not None else []
    healthy, unknown = True, ""
    for target in targets:
        seen = case.observed_at(target, release)
        if (wrong := _not_healthy(seen)) is not None:
            return Soak(False, None, length, f"{target.cluster}: {wrong}")
        if seen is None or seen.since is None:
            unknown = unknown or f"{target.cluster} does not tell since when it is healthy"
        else:
            times.append(seen.since)
    return Soak(healthy, None if unknown else max(times), length, unknown)


def judge(case: Case) -> Iterator[GateResult]:
    """Yield how far the release's soak in its source environment is. Time makes it pass, and nothing restarts it.

    What restarts it is a cluster that is not healthy at exactly this release for a moment.
    """
    if not case.kind.moves_on or case.source is None or not needed(case, case.source):
        return
    name = f"soak({case.source})"
    soak = soak_of(case, case.source, case.proven)
    if soak.since is None:
        start = "it starts when the release is healthy everywhere" if not soak.healthy else "it cannot be measured"
        yield GateResult(
            name=name,
            verdict=Verdict.PENDING,
            reason=f"{start}: {soak.reason}",
            holds=OPEN,
            clears="time" if not soak.healthy else None,
        )
        return
    over = soak.over(case.now)
    yield GateResult(
        name=name,
        verdict=Verdict.PASSED if over else Verdict.PENDING,
        reason=soak.told(case.now),
        holds=OPEN,
        since=soak.end if over else soak.since,
        clears=None if over else "time",
        earliest=None if over else soak.end,
    )


def _came(case: Case, environment: str, release: Release) -> datetime | None:
    """Return when the release that is pinned in an environment came there, as far as git knows."""
    latest = next((entry for entry in case.history if entry.environment == environment), None)
    return latest.time if latest is not None and latest.after == release else None


def _not_healthy(seen: TargetObservation | None) -> str | None:
    if seen is None:
        return "nothing is known of it"
    if seen.problems:
        return f"cannot be rendered: {seen.problems[0]}"
    if seen.status is HealthStatus.UNKNOWN:
        return f"cannot be asked: {seen.reason}"
    if not seen.exact:
        return "it is not live yet"
    if seen.status is not HealthStatus.HEALTHY:
        return f"{seen.status.value}: {seen.reason}"
    return None
