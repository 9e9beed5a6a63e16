"""The approvals that a promotion will need before it may merge."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import MERGE, Case
from fleet.model.gate import GateResult, Verdict


def judge(case: Case) -> Iterator[GateResult]:
    """Yield the gate that holds the merge of a pull request which is not open yet.

    Of an open one, :mod:`fleet.engine.approvals` counts the approvals.
    """
    if case.direct:
        return
    name = f"approvals({case.environment})"
    approvals = case.policy.approvals
    if approvals == 0:
        yield GateResult(name=name, verdict=Verdict.PASSED, reason="none needed", holds=MERGE)
        return
    count = "1 approval" if approvals == 1 else f"{approvals} approvals"
    reason = f"{count} by somebody else than the author, before the merge"
    yield GateResult(name=name, verdict=Verdict.PENDING, reason=reason, holds=MERGE)
