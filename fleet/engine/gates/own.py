"""Gates of one's own: what the policy asks of web services, Jobs, Prometheus, and of expressions in CEL.

None of them holds a rollback: whoever goes back to what ran before must not depend on anybody's answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.expressions import ExpressionError
from fleet.engine.expressions import judge as evaluate
from fleet.engine.gates.case import OPEN, Case
from fleet.engine.gates.facts import facts_of
from fleet.engine.hosts import HostError, place_of
from fleet.model.gate import GateResult, Verdict
from fleet.model.policy import GateSpec
from fleet.model.promotion import PromotionKind

RESERVED = frozenset(
    (
        *("api-removals", "approvals", "branch", "check", "compatibility", "dependencies", "health"),
        *("hold", "lock", "mergeable", "order", "owners", "plan", "queue", "rejected", "render", "role", "secrets"),
        *("soak", "train", "values", "window"),
    )
)
"""Names of the gates that fleet itself has; one of one's own has another."""


def judge(case: Case) -> Iterator[GateResult]:
    """Yield what each gate of the environment's policy says."""
    if case.kind is PromotionKind.ROLLBACK:
        return
    for spec in case.policy.gates:
        verdict, reason, hint = _expression(case, spec.cel) if spec.cel is not None else _answer(case, spec)
        if verdict is not Verdict.PASSED and spec.description.strip():
            reason = f"{reason}: {' '.join(spec.description.split())}"
        yield GateResult(
            name=f"{spec.name}({case.environment})",
            verdict=verdict,
            reason=reason,
            holds=OPEN if case.direct else spec.holds,
            hint=hint,
            clears=_asked(spec) if verdict is not Verdict.PASSED else None,
        )


def _answer(case: Case, spec: GateSpec) -> tuple[Verdict, str, str | None]:
    answer = case.answer(spec.name)
    if answer is None:
        return Verdict.PENDING, "it was not asked", None
    if answer.passed is None or answer.pending:
        return Verdict.PENDING, answer.reason, answer.hint
    return Verdict.PASSED if answer.passed else Verdict.FAILED, answer.reason, answer.hint


def _expression(case: Case, expression: str) -> tuple[Verdict, str, str | None]:
    try:
        holds = evaluate(expression, facts_of(case))
    except ExpressionError as error:
        return Verdict.PENDING, f"`{_shown(expression)}` cannot be judged: {error}", None
    return Verdict.PASSED if holds else Verdict.FAILED, f"`{_shown(expression)}` is {str(holds).lower()}", None


def _shown(expression: str) -> str:
    text = " ".join(expression.split())
    return text if len(text) <= 100 else f"{text[:99]}…"


def _asked(spec: GateSpec) -> str | None:
    """Return whose answer counts."""
    asked = spec.http or spec.metric
    if asked is None:
        return f"Job `{spec.name}`" if spec.job else None
    try:
        return place_of(asked.url.replace("{", "").replace("}", "")).netloc
    except HostError:
        return None
