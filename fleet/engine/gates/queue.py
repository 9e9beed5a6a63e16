"""The queue of the environment where a release goes: whether the release that is there may be replaced by now.

What is there is meant to move on to the next environments. With ``latest`` a newer release may take its place, unless
it soaks at this moment; with ``fifo`` it has to have moved on first.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import OPEN, Case
from fleet.engine.gates.soak import needed, soak_of
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus
from fleet.model.promotion import PromotionKind
from fleet.model.release import Release


def asks_for_health(fleet: Fleet, kind: PromotionKind, environment: str) -> bool:
    """Say whether the gate needs to know how the release is that an environment has now."""
    policy = fleet.environments[environment].spec.policy
    protects = policy.queue == "latest" and policy.soak is not None and not policy.interrupt_soak
    return protects and kind is not PromotionKind.ROLLBACK and bool(fleet.next_environments(environment))


def judge(case: Case) -> Iterator[GateResult]:
    """Yield whether the present release may be replaced. A rollback replaces it in any case."""
    before = case.before
    if case.kind is PromotionKind.ROLLBACK or before is None or before == case.after:
        return
    fifo = case.policy.queue == "fifo" and bool(case.fleet.next_environments(case.environment))
    protects = asks_for_health(case.fleet, case.kind, case.environment) and bool(needed(case, case.environment))
    if not (fifo or protects):
        return
    name = f"queue({case.environment})"
    if (reason := _done(case, before)) is not None:
        yield GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=OPEN)
    else:
        yield _in_turn(name, case, before) if fifo else _soaking(name, case, before)


def _done(case: Case, before: Release) -> str | None:
    """Return why nobody waits for the present release any more; None if somebody does."""
    waiting = _waiting(case, before)
    if not waiting:
        return f"{before.short} has moved on"
    for rejection in case.observed.restrictions.rejections if case.observed.restrictions else ():
        if (rejection.app, rejection.version, rejection.revision) == (case.app, before.version, before.revision):
            return f"{before.short} was rejected"
    latest = next((entry for entry in case.history if entry.environment == case.environment), None)
    if latest is not None and latest.after == before and latest.kind is PromotionKind.ROLLBACK:
        return f"{before.short} came by a rollback"
    return None


def _waiting(case: Case, before: Release) -> list[str]:
    """Return the next environments that never had a release."""
    had = {entry.environment for entry in case.history if _same(entry.after, before)}
    environments = case.fleet.environments
    return [
        name
        for name in case.fleet.next_environments(case.environment)
        if name not in had and not ((pin := environments[name].pins.get(case.app)) and _same(pin.release, before))
    ]


def _same(one: Release | None, other: Release) -> bool:
    """Say whether two environments have the same release; each may have values of its own in it."""
    return one is not None and (one.version, one.revision, one.images) == (other.version, other.revision, other.images)


def _in_turn(name: str, case: Case, before: Release) -> GateResult:
    waiting = _waiting(case, before)
    where = ", ".join(f"`{environment}`" for environment in waiting)
    return GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason=f"{before.short} has not moved on to {where} yet, and releases go one after the other",
        holds=OPEN,
        hint=f"fleet promote {case.app} --to {waiting[0]}",
    )


def _soaking(name: str, case: Case, before: Release) -> GateResult:
    environment = case.environment
    seen = [case.observed_at(target, before) for target in case.targets(environment)]
    if any(one is not None and (one.problems or one.status is HealthStatus.FAILED) for one in seen):
        return GateResult(name=name, verdict=Verdict.PASSED, reason=f"{before.short} has failed there", holds=OPEN)
    soak = soak_of(case, environment, before)
    if soak.over(case.now):
        reason = f"the soak of {before.short} is over"
        return GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=OPEN, since=soak.end)
    if not seen:
        return GateResult(name=name, verdict=Verdict.PASSED, reason="nothing can soak there", holds=OPEN)
    hint = None
    if soak.since is not None:
        reason = f"{before.short} soaks: {soak.told(case.now)}"
    else:
        reason = f"{before.short} is to soak first: {soak.reason}"
        hint = f"fleet status -e {environment} -a {case.app}"
    return GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason=reason,
        holds=OPEN,
        hint=hint,
        since=soak.since,
        clears="time" if soak.since is not None or not soak.healthy else None,
        earliest=soak.end,
    )
