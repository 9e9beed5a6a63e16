"""All gates in the order in which they are told, and the decision that they make together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fleet.engine.gates import (
    approvals,
    compatibility,
    contract,
    dependencies,
    health,
    order,
    queue,
    removals,
    restrictions,
    secrets,
    soak,
    windows,
)
from fleet.engine.gates.case import Case
from fleet.engine.gates.overriding import apply_overrides
from fleet.model.gate import GateResult

Judge = Callable[[Case], Iterator[GateResult]]

GATES: tuple[Judge, ...] = (
    order.judge,
    contract.judge,
    health.judge,
    soak.judge,
    queue.judge,
    secrets.judge,
    restrictions.judge_locks,
    restrictions.judge_holds,
    restrictions.judge_rejections,
    dependencies.judge,
    compatibility.judge,
    removals.judge,
    windows.judge,
    approvals.judge,
)


def decide(case: Case) -> tuple[GateResult, ...]:
    """Return what every gate says about a promotion. The same case gives the same answer."""
    return apply_overrides(case, tuple(result for judge in GATES for result in judge(case)))
