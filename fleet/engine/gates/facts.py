"""What a gate in CEL sees: one promotion as plain data. The guide on policies lists it; both grow together."""

from __future__ import annotations

from typing import Any

from fleet.engine.gates.case import Case
from fleet.model.gate import Verdict
from fleet.model.release import Release

VARIABLES = (
    "app",
    "version",
    "revision",
    "source",
    "environment",
    "kind",
    "before",
    "after",
    "clusters",
    "now",
    "healthySeconds",
    "gates",
)
"""Names that an expression of a gate may use."""
_ORDER = (Verdict.PASSED, Verdict.PENDING, Verdict.FAILED)


def facts_of(case: Case) -> dict[str, Any]:
    """Return the variables of an expression: JSON data, and the time."""
    return {
        "app": case.app,
        "version": case.after.version,
        "revision": case.after.revision,
        "source": case.source,
        "environment": case.environment,
        "kind": case.kind.value,
        "before": _release(case.before) if case.before is not None else None,
        "after": _release(case.after),
        "clusters": _clusters(case),
        "now": case.now,
        "healthySeconds": _healthy_seconds(case),
        "gates": _gates(case),
    }


def _release(release: Release) -> dict[str, Any]:
    return {
        "version": release.version,
        "revision": release.revision,
        "images": dict(release.images),
        "values": dict(release.values),
    }


def _clusters(case: Case) -> list[dict[str, Any]]:
    """Return the clusters where the release goes, in the order of waves."""
    found = (target.cluster for target in case.targets(case.environment))
    return [{"name": name, "labels": dict(case.fleet.clusters[name].labels)} for name in found]


def _healthy_seconds(case: Case) -> int | None:
    since = case.healthy_since(case.source) if case.source is not None else None
    return max(0, int((case.now - since).total_seconds())) if since is not None else None


def _gates(case: Case) -> dict[str, str]:
    """Return the verdicts of the gates that fleet itself has; the worst of those with the same name."""
    found: dict[str, Verdict] = {}
    for result in case.so_far:
        found[result.kind] = max(found.get(result.kind, Verdict.PASSED), result.verdict, key=_ORDER.index)
    return {name: verdict.value for name, verdict in found.items()}
