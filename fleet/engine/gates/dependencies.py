"""Dependencies: what an app depends on is in the environment before the app itself."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.dependencies import in_order
from fleet.engine.gates.case import OPEN, Case
from fleet.engine.gates.compatibility import brought
from fleet.engine.gates.sides import has_release, side_after, side_before, sides
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind


def judge(case: Case) -> Iterator[GateResult]:
    """Yield whether every app that this one depends on has a release in the environment that fits."""
    after = side_after(case)
    if after is None or not after.spec.depends_on or case.kind is PromotionKind.ROLLBACK:
        return
    name = f"dependencies({case.environment})"
    depends = after.spec.depends_on
    missing = [app for app in depends if not has_release(case, case.environment, app)]
    others = sides(case, case.environment, without=case.app)
    unfit = {
        conflict.provider.app: conflict
        for conflict in brought(side_before(case), after, others)
        if conflict.consumer.app == case.app and conflict.provider is not None and conflict.provider.app in depends
    }
    if not missing and not unfit:
        there = ", ".join(f"`{app}`" for app in depends)
        reason = f"`{case.app}` depends on {there}, which {'is' if len(depends) == 1 else 'are'} there"
        yield GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=OPEN)
        return
    texts = [f"`{case.app}` depends on `{app}`, which has no release in `{case.environment}` yet" for app in missing]
    texts += [conflict.text(case.environment) for conflict in unfit.values()]
    yield GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason="; ".join(texts),
        holds=OPEN,
        hint=_hint(case, [*missing, *unfit]),
        clears="promotion of " + ", ".join(f"`{app}`" for app in [*missing, *unfit]),
    )


def _hint(case: Case, apps: list[str]) -> str:
    names = " ".join(in_order(apps, {name: spec.depends_on for name, spec in case.fleet.apps.items()}))
    if case.source is None:
        return f"fleet release {apps[0]} -e {case.environment}"
    return f"fleet promote {names} --to {case.environment}"
