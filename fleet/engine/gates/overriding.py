"""Overrides: a person with the right promotes past a gate, on record."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.engine.gates.case import Case
from fleet.engine.people import is_member
from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.policy import PolicySpec

NEVER = ("secrets", "rejected", "branch", "mergeable", "values")
"""Gates that can only be overridden where the policy names them; the last three never pass by decision at all."""
_FACTS = ("branch", "mergeable", "values")


def apply_overrides(case: Case, results: tuple[GateResult, ...]) -> tuple[GateResult, ...]:
    """Return the results with overrides at those that do not pass, as far as the policy lets the person make them."""
    return tuple(_with_override(case, result) for result in results)


def _with_override(case: Case, result: GateResult) -> GateResult:
    if result.verdict is Verdict.PASSED:
        return result
    for override in case.overrides:
        if names(override.gate, result) and refusal(case, override, result) is None:
            return result.model_copy(update={"override": override})
    return result


def names(gate: str, result: GateResult) -> bool:
    """Say whether what a person typed means this gate: its whole name, or what stands before the brackets."""
    return gate in (result.name, result.kind)


def refusal(case: Case, override: Override, result: GateResult) -> str | None:
    """Return why somebody may not promote past a gate; None if they may."""
    policy = case.policy
    if result.kind in _FACTS:
        return f"`{result.kind}` is no decision: nobody can promote past it"
    if not _may_be_overridden(policy, result):
        return f"the policy of `{case.environment}` lets nobody override `{result.kind}`"
    if not any(is_member(override.by, case.fleet.file.roles.get(role, ())) for role in policy.overrides.roles):
        roles = ", ".join(f"`{role}`" for role in policy.overrides.roles)
        who = f"only {roles} may" if roles else "it lets nobody"
        return f"the policy of `{case.environment}` does not let {override.by} override `{result.kind}`: {who}"
    return None


def refused_override(case: Case, results: Sequence[GateResult], override: Override) -> str | None:
    """Return why an override cannot be made at all: there is no such gate, or this person may not. None: it is fine.

    One that is not needed, since its gate passes, is fine.
    """
    meant = [result for result in results if names(override.gate, result)]
    if not meant:
        return f"there is no gate `{override.gate}` in the promotion of `{case.app}` to `{case.environment}`"
    refused = (refusal(case, override, result) for result in meant if result.verdict is not Verdict.PASSED)
    return next((text for text in refused if text), None)


def _may_be_overridden(policy: PolicySpec, result: GateResult) -> bool:
    if policy.overrides.gates:
        return result.kind in policy.overrides.gates or result.name in policy.overrides.gates
    return result.kind not in NEVER
