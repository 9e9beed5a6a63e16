"""All gates in the order in which they are told, and the decision that they make together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from fleet.engine.gates import (
    approvals,
    compatibility,
    contract,
    dependencies,
    health,
    order,
    own,
    queue,
    removals,
    restrictions,
    secrets,
    soak,
    train,
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
    train.judge,
    secrets.judge,
    restrictions.judge_locks,
    restrictions.judge_holds,
    restrictions.judge_rejections,
    dependencies.judge,
    compatibility.judge,
    removals.judge,
    windows.judge,
    own.judge,
    approvals.judge,
)


def decide(case: Case) -> tuple[GateResult, ...]:
    """Return what every gate says about a promotion. The same case gives the same answer."""
    results: tuple[GateResult, ...] = ()
    for judge in GATES:
        results += tuple(judge(replace(case, so_far=results)))
    return apply_overrides(case, results)
