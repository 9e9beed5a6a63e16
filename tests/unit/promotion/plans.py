"""Plans and their parts for tests, made of a few words each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleet.engine.plan_promotion import Facts, plan_promotion
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.promotion import PromotionKind, PromotionPlan
from fleet.model.release import Release

BASE = "b" * 40
OLD = "1" * 40
NEW = "2" * 40

HEALTH = GateResult(name="health(dev)", verdict=Verdict.PASSED, reason="healthy", holds="open")
APPROVALS = GateResult(name="approvals(prod)", verdict=Verdict.PENDING, reason="1 approval", holds="merge")


def release(version: str = "1.1.0", revision: str = NEW, **more: Any) -> Release:
    return Release(version=version, revision=revision, **more)


def target(cluster: str, app: str = "web", environment: str = "prod") -> Target:
    return Target(app, environment, cluster)


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "web"}, "data": data}


def thing(kind: str, name: str, api_version: str = "v1", **body: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "web"}, **body}


def facts(**changes: Any) -> Facts:
    before: Mapping[Target, Sequence[Any]] = {target(c): (config("a", x="1"),) for c in ("prod-eu", "prod-us")}
    after: Mapping[Target, Sequence[Any]] = {target(c): (config("a", x="2"),) for c in ("prod-eu", "prod-us")}
    given: dict[str, Any] = {
        "kind": PromotionKind.PROMOTION,
        "app": "web",
        "environment": "prod",
        "source": "dev",
        "base": BASE,
        "before": release("1.0.0", OLD),
        "after": release(),
        "content": "release: {}\n",
        "objects_before": before,
        "objects_after": after,
        "gates": (HEALTH, APPROVALS),
    }
    return Facts(**(given | changes))


def plan(**changes: Any) -> PromotionPlan:
    return plan_promotion(facts(**changes))
