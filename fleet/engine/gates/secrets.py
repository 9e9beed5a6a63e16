"""No secret value in plain text may move on."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.engine.gates.case import OPEN, Case
from fleet.engine.secrets import plain_secrets
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind

_SHOWN = 3


def judge(case: Case) -> Iterator[GateResult]:
    """Yield a failed gate if the release holds secret values in plain; a rollback goes back to what was there."""
    if case.kind is PromotionKind.ROLLBACK:
        return
    objects = (manifest for manifests in case.objects.values() for manifest in manifests)
    found = [f"`{ref}` ({', '.join(keys)})" for ref, keys in plain_secrets(objects)]
    found = list(dict.fromkeys(found))
    if not found:
        return
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    reason = f"plain values in git: {', '.join(found[:_SHOWN])}{more}"
    hint = "keep the values out of git: use a SealedSecret, an ExternalSecret or SOPS"
    yield GateResult(name="secrets", verdict=Verdict.FAILED, reason=reason, holds=OPEN, hint=hint)
