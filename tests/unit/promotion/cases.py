"""Cases for tests of gates, made of a few words each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fleet.engine.gates.case import Case
from fleet.model.declared import AppSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.fleet import Environment, Fleet, Wave
from fleet.model.gate import GateResult
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.observation import Observations, TargetObservation
from fleet.model.promotion import PromotionKind
from fleet.model.release import Pin, Release
from fleet.model.restriction import Restrictions
from tests.unit.promotion.plans import NEW, OLD, release

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
ADA = "Ada <ada@example.com>"
BOB = "Bob <bob@example.com>"
CLUSTERS = {"dev": ("dev-a", "dev-b"), "staging": ("staging",), "prod": ("prod-eu", "prod-us")}


def fleet(
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    file: Mapping[str, Any] | None = None,
    apps: Mapping[str, Mapping[str, Any]] | None = None,
    pins: Mapping[tuple[str, str], Release] | None = None,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> Fleet:
    """Return a fleet of dev, staging and prod; policies are what stands under `policy:`, by environment."""
    specs: dict[str, EnvironmentSpec] = {}
    before = None
    for name, clusters in CLUSTERS.items():
        data: dict[str, Any] = {"clusters": {"names": list(clusters)}, "policy": dict((policies or {}).get(name, {}))}
        if before:
            data["promotesFrom"] = before
        specs[name] = EnvironmentSpec.model_validate(data)
        before = name
    known = {a: AppSpec.model_validate(dict(d)) for a, d in (apps or {"web": {}}).items()}
    environments = {
        name: Environment(
            name,
            spec,
            CLUSTERS[name],
            (Wave("all", 0, CLUSTERS[name]),),
            {app: Pin(release=(pins or {}).get((name, app), release("1.0.0", OLD))) for app in known},
        )
        for name, spec in specs.items()
    }
    declared = {
        c: ClusterSpec.model_validate({"access": {"context": c}, "labels": dict((labels or {}).get(c, {}))})
        for clusters in CLUSTERS.values()
        for c in clusters
    }
    return Fleet(FleetFile.model_validate({"name": "shop", **(file or {})}), environments, declared, known, "b" * 40)


def healthy(
    app: str = "web",
    environment: str = "staging",
    at: Release | None = None,
    since: datetime | None = NOW - timedelta(hours=2),
) -> tuple[TargetObservation, ...]:
    """Return observations of all clusters of an environment that are healthy at a release."""
    return tuple(seen(Target(app, environment, cluster), at, since=since) for cluster in CLUSTERS[environment])


def seen(target: Target, at: Release | None = None, **more: Any) -> TargetObservation:
    """Return what was seen of a target: healthy at the release, if nothing else is said."""
    given: dict[str, Any] = {"status": HealthStatus.HEALTHY, "exact": True}
    return TargetObservation(target=target, release=at or release(), **(given | more))


def case(
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    now: datetime = NOW,
    targets: Sequence[TargetObservation] | None = None,
    observed: Mapping[str, Any] | None = None,
    fleet_of: Fleet | None = None,
    **changes: Any,
) -> Case:
    """Return the promotion of `web` from staging to prod; staging is healthy and nothing restricts it."""
    kind = changes.pop("kind", PromotionKind.PROMOTION)
    given: dict[str, Any] = {
        "fleet": fleet_of or fleet(policies),
        "kind": kind,
        "app": "web",
        "environment": "prod",
        "source": "staging" if kind is PromotionKind.PROMOTION else None,
        "before": release("1.0.0", OLD),
        "after": release("1.1.0", NEW),
        "now": now,
        "observed": Observations(
            at=now,
            targets=tuple(healthy() if targets is None else targets),
            **({"restrictions": Restrictions()} | dict(observed or {})),
        ),
    }
    return Case(**(given | changes))


def only(results: Sequence[GateResult], kind: str) -> GateResult:
    """Return the one result of a kind of gate."""
    (found,) = [result for result in results if result.kind == kind]
    return found
