"""The promotion contract: nobody knows what a value should be that was changed on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import OPEN, Case
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import ValueDecision

_SHOWN = 3


def judge(case: Case) -> Iterator[GateResult]:
    """Yield a failure for values in conflict; nothing where there is none."""
    paths = [move.path for move in case.values if move.decision is ValueDecision.CONFLICT]
    if not paths:
        return
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    names = ", ".join(f"`{path}`" for path in paths[:_SHOWN])
    verb = "was" if len(paths) == 1 else "were"
    yield GateResult(
        name=f"values({case.environment})",
        verdict=Verdict.FAILED,
        reason=f"{names}{more} {verb} changed in `{case.source}` and in `{case.environment}`, to different values",
        holds=OPEN,
        clears="who promotes, by choosing a side",
        hint=f"fleet promote {case.app} --to {case.environment} --take {paths[0]}=theirs    # or =ours",
    )
