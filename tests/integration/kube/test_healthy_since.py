"""Since when a release is healthy, as a real API server and real controllers tell it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.adapters.kube.cluster import KubeCluster
from fleet.engine.health import target_health
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.objects import DIGEST_ANNOTATION, ObjectRef
from tests.contract.cluster import config, deployment


def release(namespace: str, number: int, **spec: Any) -> list[dict[str, Any]]:
    """Return a release of a ConfigMap and a Deployment without pods to wait for."""
    objects = [
        config(namespace, "settings", number=str(number)),
        deployment(namespace, "web", **{"replicas": 0} | spec),
    ]
    for one in objects:
        one["metadata"]["annotations"] = {DIGEST_ANNOTATION: f"digest-{number}"}
    return objects


def apply(cluster: KubeCluster, objects: list[dict[str, Any]]) -> None:
    for one in objects:
        cluster.apply(one, manager="fleet")


def look(cluster: KubeCluster, objects: list[dict[str, Any]]) -> TargetHealth:
    live: dict[tuple[str, str, str, str], Mapping[str, Any]] = {}
    for one in objects:
        ref = ObjectRef.of(one)
        found = cluster.get(ref)
        if found is not None:
            live[ref.identity] = found
    return target_health(objects, live)


def settled(cluster: KubeCluster, objects: list[dict[str, Any]]) -> datetime:
    """Wait until a release is healthy; return since when it is."""
    deployed = next(one for one in objects if one["kind"] == "Deployment")
    namespace = deployed["metadata"]["namespace"]
    found = look(cluster, objects)
    if found.status is not HealthStatus.HEALTHY:
        for _ in cluster.watch("apps/v1", "Deployment", labels={}, namespace=namespace, timeout=60):
            found = look(cluster, objects)
            if found.status is HealthStatus.HEALTHY:
                break
    assert (found.status, found.exact) == (HealthStatus.HEALTHY, True), found
    assert found.since is not None
    return found.since


def next_second(since: datetime) -> None:
    """Wait for the second after a time: Kubernetes tells whole ones."""
    while datetime.now(UTC) < since + timedelta(seconds=1):
        pass


def test_only_a_change_of_the_release_moves_it(cluster: KubeCluster, namespace: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first = release(namespace, 1)
    apply(cluster, first)
    since = settled(cluster, first)
    assert before <= since <= datetime.now(UTC)

    next_second(since)
    apply(cluster, first)  # what a reconcile that changes nothing would do
    assert settled(cluster, first) == since

    drift = config(namespace, "settings", added="by hand")
    del drift["metadata"]["labels"]
    cluster.apply(drift, manager="somebody")
    assert settled(cluster, first) == since

    second = release(namespace, 2)
    assert look(cluster, second).since is None
    apply(cluster, second)
    later = settled(cluster, second)
    assert later > since
    assert look(cluster, first).since is None


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_kinds_without_conditions_tell_it_too(cluster: KubeCluster, namespace: str, kind: str) -> None:
    one = deployment(namespace, "web")
    one["kind"] = kind
    one["metadata"]["annotations"] = {DIGEST_ANNOTATION: "d"}
    one["spec"] |= {"serviceName": "web", "replicas": 0} if kind == "StatefulSet" else {}
    if kind == "DaemonSet":
        del one["spec"]["replicas"]
        one["spec"]["template"]["spec"]["nodeSelector"] = {"nobody": "has-this"}
    cluster.apply(one, manager="fleet")
    found = look(cluster, [one])
    if found.status is not HealthStatus.HEALTHY:
        for _ in cluster.watch("apps/v1", kind, labels={}, namespace=namespace, timeout=60):
            found = look(cluster, [one])
            if found.status is HealthStatus.HEALTHY:
                break
    assert found.since is not None
    next_second(found.since)
    cluster.apply(one, manager="fleet")
    assert look(cluster, [one]).since == found.since
