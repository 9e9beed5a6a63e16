"""Trains: where apps move together, none moves alone; and one that is on the way in a train is not moved twice."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import OPEN, Case
from fleet.model.gate import GateResult, Verdict


def judge(case: Case) -> Iterator[GateResult]:
    """Yield what keeps an app from moving alone."""
    if not case.kind.moves_on or case.together:
        return
    name = f"train({case.environment})"
    number = case.observed.trains.get(case.app)
    if number is not None:
        yield GateResult(
            name=name,
            verdict=Verdict.PENDING,
            reason=f"it is on its way in pull request #{number}, together with others",
            holds=OPEN,
            hint=f"fleet pr show {number}",
        )
    elif case.policy.queue == "train":
        yield GateResult(
            name=name,
            verdict=Verdict.PENDING,
            reason=f"apps move to `{case.environment}` together",
            holds=OPEN,
            hint=f"fleet promote --all --to {case.environment}",
        )
