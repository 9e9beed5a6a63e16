"""Health of the source environment, at exactly the release that is to be promoted."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import OPEN, Case
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.observation import TargetObservation
from fleet.model.release import Release

_SHOWN = 3
"""How many clusters a reason names."""


def judge(case: Case) -> Iterator[GateResult]:
    """Yield whether every target of the source environment is healthy at exactly this release."""
    if not case.kind.moves_on or case.source is None:
        return
    targets = case.targets(case.source)
    name = f"health({case.source})"
    if not targets:
        reason = "the environment has no cluster, so nothing can prove the release"
        yield GateResult(name=name, verdict=Verdict.PENDING, reason=reason, holds=OPEN)
        return
    seen = {t: case.observed_at(t, case.proven) for t in targets}
    held = {t: found for t in targets if (found := _held(case.proven, seen[t]))}
    if not held:
        reason = f"healthy at {case.proven.short} on {_clusters(len(targets))}"
        since = case.healthy_since(case.source)
        yield GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=OPEN, since=since)
        return
    yield _not_healthy(name, case, held, len(targets))


def _not_healthy(name: str, case: Case, held: dict[Target, tuple[Verdict, str]], number: int) -> GateResult:
    verdict = Verdict.FAILED if any(v is Verdict.FAILED for v, _ in held.values()) else Verdict.PENDING
    worst = [(t, reason) for t, (v, reason) in held.items() if v is verdict]
    reason = "; ".join(f"{t.cluster}: {text}" for t, text in worst[:_SHOWN])
    if len(worst) > _SHOWN:
        reason += f"; and {len(worst) - _SHOWN} more of {_clusters(number)}"
    look = verdict is Verdict.FAILED or any("cannot be asked" in text for _, text in worst)
    verb = "status" if look else "reconcile"
    hint = f"fleet {verb} -e {case.source} -a {case.app}"
    return GateResult(name=name, verdict=verdict, reason=reason, holds=OPEN, hint=hint)


def _held(release: Release, seen: TargetObservation | None) -> tuple[Verdict, str] | None:
    """Return why a target does not let the release go; None if it does."""
    if seen is None:
        return Verdict.PENDING, "nothing is known of it"
    if seen.problems:
        return Verdict.FAILED, f"{release.short} cannot be rendered: {seen.problems[0]}"
    if seen.status is HealthStatus.UNKNOWN:
        return Verdict.PENDING, f"cannot be asked: {seen.reason}"
    if not seen.exact:
        detail = f": {seen.reason}" if seen.reason else ""
        return Verdict.PENDING, f"{release.short} is not live yet{detail}"
    if seen.status is HealthStatus.HEALTHY:
        return None
    verdict = Verdict.FAILED if seen.status is HealthStatus.FAILED else Verdict.PENDING
    return verdict, f"{seen.status.value}: {seen.reason}"


def _clusters(number: int) -> str:
    return "1 cluster" if number == 1 else f"{number} clusters"
