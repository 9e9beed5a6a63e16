"""Gates of a promotion: facts in, verdicts with a reason out.

A gate that cannot be evaluated is pending, never passed: promotions fail closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fleet.engine.secrets import plain_secrets
from fleet.errors import Problem
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.release import Release

OPEN, MERGE = "open", "merge"
_SHOWN = 3
"""How many clusters a reason names."""


def health_gate(
    environment: str,
    release: Release,
    targets: Sequence[Target],
    health: Mapping[Target, TargetHealth],
    problems: Mapping[Target, Sequence[Problem]],
) -> GateResult:
    """Say whether every target of the source environment is healthy at exactly this release.

    Args:
        environment: the source environment.
        release: what is to be promoted.
        targets: the app on every cluster of the source environment.
        health: observed health at this release; a target that is missing was not observed.
        problems: why a target could not be rendered, so that nobody knows what should be live there.
    """
    name = f"health({environment})"
    if not targets:
        reason = "the environment has no cluster, so nothing can prove the release"
        return GateResult(name=name, verdict=Verdict.PENDING, reason=reason, holds=OPEN)
    held = {t: found for t in targets if (found := _held(release, health.get(t), problems.get(t, ())))}
    if not held:
        reason = f"healthy at {release.short} on {_clusters(len(targets))}"
        return GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=OPEN)
    verdict = Verdict.FAILED if any(v is Verdict.FAILED for v, _ in held.values()) else Verdict.PENDING
    worst = [(t, reason) for t, (v, reason) in held.items() if v is verdict]
    reason = "; ".join(f"{t.cluster}: {text}" for t, text in worst[:_SHOWN])
    if len(worst) > _SHOWN:
        reason += f"; and {len(worst) - _SHOWN} more of {_clusters(len(targets))}"
    app = targets[0].app
    look = verdict is Verdict.FAILED or any("cannot be asked" in text for _, text in worst)
    hint = f"fleet status -e {environment} -a {app}" if look else f"fleet reconcile -e {environment} -a {app}"
    return GateResult(name=name, verdict=verdict, reason=reason, holds=OPEN, hint=hint)


def approvals_needed(environment: str, approvals: int) -> GateResult:
    """Return the gate that holds the merge of a pull request which is not open yet."""
    name = f"approvals({environment})"
    if approvals == 0:
        return GateResult(name=name, verdict=Verdict.PASSED, reason="none needed", holds=MERGE)
    count = "1 approval" if approvals == 1 else f"{approvals} approvals"
    reason = f"{count} by somebody else than the author, before the merge"
    return GateResult(name=name, verdict=Verdict.PENDING, reason=reason, holds=MERGE)


def secrets_gate(objects: Iterable[Manifest]) -> GateResult | None:
    """Return a failed gate if the release holds secret values in plain; None if there is nothing to say."""
    found = [f"`{ref}` ({', '.join(keys)})" for ref, keys in plain_secrets(objects)]
    found = list(dict.fromkeys(found))
    if not found:
        return None
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    reason = f"plain values in git: {', '.join(found[:_SHOWN])}{more}"
    hint = "keep the values out of git: use a SealedSecret, an ExternalSecret or SOPS"
    return GateResult(name="secrets", verdict=Verdict.FAILED, reason=reason, holds=OPEN, hint=hint)


def _held(release: Release, health: TargetHealth | None, problems: Sequence[Problem]) -> tuple[Verdict, str] | None:
    """Return why a target does not let the release go; None if it does."""
    if problems:
        return Verdict.FAILED, f"{release.short} cannot be rendered: {problems[0].message}"
    if health is None:
        return Verdict.PENDING, "nothing is known of it"
    if health.status is HealthStatus.UNKNOWN:
        return Verdict.PENDING, f"cannot be asked: {health.reason}"
    if not health.exact:
        detail = f": {health.reason}" if health.reason else ""
        return Verdict.PENDING, f"{release.short} is not live yet{detail}"
    if health.status is HealthStatus.HEALTHY:
        return None
    verdict = Verdict.FAILED if health.status is HealthStatus.FAILED else Verdict.PENDING
    return verdict, f"{health.status.value}: {health.reason}"


def _clusters(number: int) -> str:
    return "1 cluster" if number == 1 else f"{number} clusters"
