"""The order of environments: none is passed over, and no hotfix is undone, unless somebody decides so."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import OPEN, Case
from fleet.engine.pipeline import upstream
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind


def judge(case: Case) -> Iterator[GateResult]:
    """Yield a failure for a release that passes over environments, and for one that lacks a hotfix which is there."""
    name = f"order({case.environment})"
    who = ", ".join(f"`{role}`" for role in case.policy.overrides.roles) or None
    if case.kind is PromotionKind.HOTFIX and case.source is not None:
        skipped = skipped_environments(case)
        names = " and ".join(f"`{one}`" for one in skipped)
        yield GateResult(
            name=name,
            verdict=Verdict.FAILED,
            reason=f"{names} {'is' if len(skipped) == 1 else 'are'} passed over",
            holds=OPEN,
            clears=who,
            hint=f"fleet promote {case.app} --to {case.environment} --from {case.source} --skip-order --reason TEXT",
        )
    elif case.kind is PromotionKind.PROMOTION and case.undoes and case.source is not None:
        yield GateResult(
            name=name,
            verdict=Verdict.PENDING,
            reason=f"`{case.environment}` has the hotfix {case.undoes}, which {case.after.short} does not contain",
            holds=OPEN,
            clears=who,
            hint=f"fleet promote {case.app} --to {case.source}",
        )


def skipped_environments(case: Case) -> tuple[str, ...]:
    """Return the environments that a hotfix passes over, the nearest to its source first."""
    way = upstream(case.fleet, case.environment)
    return tuple(reversed(way[: way.index(case.source)])) if case.source in way else ()
