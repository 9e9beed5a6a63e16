"""What was approved is what happens: the plan of a pull request against the plan as it would be now.

A plan is the same if every target gets the same objects (:func:`fleet.engine.plan_promotion.plan_digest`). If it is
not, the protected branch moved in a way that concerns it; that is fine as long as no target's outcome changes *in
kind*: the same objects are added, changed and removed, at the same risk.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleet.engine.gates.case import MERGE
from fleet.model.change import ObjectChange
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.promotion import PromotionPlan, TargetGroup

_SHOWN = 3
Effects = dict[Target, dict[str, tuple[str, tuple[str, ...]]]]
"""By target and object: what happens to it, and at which risks."""


def plan_gate(proposed: PromotionPlan, now: PromotionPlan) -> GateResult:
    """Return whether merging does what the pull request said that it would do.

    Args:
        proposed: the plan from the commit that the pull request started from.
        now: the plan from the protected branch as it is.
    """
    name = f"plan({now.environment})"
    if proposed.digest == now.digest:
        return GateResult(name=name, verdict=Verdict.PASSED, reason="as proposed", holds=MERGE)
    found = differences(effects(proposed.groups), effects(now.groups))
    if proposed.before != now.before:
        was = proposed.before.short if proposed.before else "nothing"
        found = (f"it would take the place of {now.before.short if now.before else 'nothing'}, not of {was}", *found)
    if not found:
        reason = f"`{now.environment}` changed since it was proposed; what happens stays the same in kind"
        return GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=MERGE)
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason=f"something else would happen than what was proposed: {'; '.join(found[:_SHOWN])}{more}",
        holds=MERGE,
        clears="whoever promotes it again, and those who then approve it",
        hint=f"fleet {'rollback' if now.source is None else 'promote'} {now.app} {_where(now)}",
    )


def effects(groups: Iterable[TargetGroup]) -> Effects:
    """Return what happens to each object on each target."""
    return {target: _of_group(group) for group in groups for target in group.targets}


def differences(before: Effects, after: Effects) -> tuple[str, ...]:
    """Return a sentence for each way in which two outcomes differ in kind."""
    found = [f"`{target.cluster}` is not concerned any more" for target in before if target not in after]
    for target, objects in after.items():
        if target not in before:
            found.append(f"`{target.cluster}` is concerned too")
            continue
        old = before[target]
        found += [
            f"{target.cluster}: {ref} would be {_words(objects.get(ref))}, not {_words(old.get(ref))}"
            for ref in sorted({*old, *objects})
            if old.get(ref) != objects.get(ref)
        ]
    return tuple(found)


def _of_group(group: TargetGroup) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {str(change.ref): (change.kind.value, _risks(change)) for change in group.changes.objects}


def _risks(change: ObjectChange) -> tuple[str, ...]:
    return tuple(sorted(change.risks))


def _words(effect: tuple[str, tuple[str, ...]] | None) -> str:
    if effect is None:
        return "left alone"
    kind, risks = effect
    return f"{kind} ({', '.join(risks)})" if risks else kind


def _where(plan: PromotionPlan) -> str:
    return f"--env {plan.environment}" if plan.source is None else f"--to {plan.environment}"
