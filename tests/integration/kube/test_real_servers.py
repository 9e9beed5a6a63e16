"""What only a real API server shows."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.adapters.kube import cluster as cluster_module
from fleet.adapters.kube.cluster import KubeCluster
from fleet.adapters.kube.clusters import KubeClusters
from fleet.engine.health import object_health
from fleet.engine.live import managed_field_owners, owner_of_field, prune
from fleet.errors import ClusterError, UnreachableError
from fleet.model.declared import AccessSpec, ClusterSpec
from fleet.model.health import HealthStatus
from fleet.model.objects import ObjectRef
from tests.contract.cluster import config, deployment
from tests.integration.conftest import Kube


def _edited(kube: Kube, tmp_path: Path, **users: Any) -> KubeClusters:
    """Return clusters by the same kubeconfig, with another login."""
    document = yaml.safe_load(kube.kubeconfig.read_text())
    for user in document["users"]:
        user["user"] = users
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return KubeClusters(path, tmp_path, {})


def _spec(kube: Kube, number: int = 0) -> ClusterSpec:
    return ClusterSpec(access=AccessSpec(sandbox=kube.contexts[number]))


def test_a_wrong_token_is_refused_credentials(kube: Kube, tmp_path: Path) -> None:
    clusters = _edited(kube, tmp_path, token="canary-wrong")
    with pytest.raises(UnreachableError, match="refused our credentials") as caught:
        clusters.reader("one", _spec(kube)).version()
    assert "canary" not in repr(caught.value)
    clusters.close()


def test_nobody_may_not_list(kube: Kube, tmp_path: Path) -> None:
    clusters = _edited(kube, tmp_path)
    with pytest.raises((ClusterError, UnreachableError)) as caught:
        clusters.reader("one", _spec(kube)).list("v1", "ConfigMap")
    assert caught.value.code in ("FLT-CLU-403", "FLT-OUT-104")
    clusters.close()


def test_one_dead_cluster_does_not_slow_the_others(kube: Kube, clusters: KubeClusters, tmp_path: Path) -> None:
    document = yaml.safe_load(kube.kubeconfig.read_text())
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never speaks
        for entry in document["clusters"]:
            entry["cluster"]["server"] = f"https://127.0.0.1:{silent.getsockname()[1]}"
        path = tmp_path / "dead"
        path.write_text(yaml.safe_dump(document))
        dead = KubeClusters(path, tmp_path, {}).reader("dead", _spec(kube))
        alive = clusters.reader("one", _spec(kube))
        with ThreadPoolExecutor(2) as pool:
            failing = pool.submit(dead.version)
            started = time.monotonic()
            for _ in range(10):
                alive.version()
            assert time.monotonic() - started < 20
            with pytest.raises(UnreachableError):
                failing.result()
        started = time.monotonic()
        with pytest.raises(UnreachableError):
            dead.version()
        assert time.monotonic() - started < 3  # the breaker answers, not the network


def test_lists_are_complete_over_many_pages(
    cluster: KubeCluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "PAGE", 4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: cluster.apply(config(namespace, f"c{n}"), manager="fleet"), range(15)))
    found = {o["metadata"]["name"] for o in cluster.list("v1", "ConfigMap", namespace=namespace)}
    assert found >= {f"c{n}" for n in range(15)}


def test_both_clusters_are_apart(kube: Kube, clusters: KubeClusters, namespace: str) -> None:
    other = clusters.writer("two", _spec(kube, 1))
    with pytest.raises(ClusterError) as caught:
        other.apply(config(namespace, "a"), manager="fleet")
    assert caught.value.code == "FLT-CLU-404"


def test_a_deployment_becomes_healthy_and_the_watch_shows_how(cluster: KubeCluster, namespace: str) -> None:
    manifest = deployment(namespace, "web", replicas=2)
    manifest["metadata"]["labels"] = {"app": "web"}
    live = cluster.apply(manifest, manager="fleet")
    ref = ObjectRef.of(manifest)
    assert object_health(live, ref).status is HealthStatus.PROGRESSING
    for event in cluster.watch("apps/v1", "Deployment", labels={"app": "web"}, namespace=namespace, timeout=60):
        if event.type != "BOOKMARK" and object_health(event.object, ref).status is HealthStatus.HEALTHY:
            break
    else:
        pytest.fail("not healthy in time")


def test_recorded_state_does_not_drift_by_itself_and_every_edit_shows(cluster: KubeCluster, namespace: str) -> None:
    manifest = deployment(namespace, "web")
    pod = manifest["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"kubernetes.io/os": "linux"}
    pod["containers"][0].update(
        resources={"requests": {"cpu": "0.1", "memory": "1024Ki"}},
        ports=[{"containerPort": 80}],
        env=[{"name": "A", "value": "1"}],
    )
    recorded = prune(cluster.apply(manifest, manager="fleet"), manifest)
    ref = ObjectRef.of(manifest)
    for event in cluster.watch("apps/v1", "Deployment", labels={}, namespace=namespace, timeout=30):
        if event.type != "BOOKMARK" and event.object.get("status", {}).get("replicas"):
            break
    live = cluster.get(ref)
    assert live is not None
    assert prune(live, manifest) == recorded

    sidecar = {"name": "sidecar", "image": "mesh:1"}
    foreign = deployment(namespace, "web")
    foreign["spec"] = {"template": {"spec": {"containers": [sidecar]}}}
    live = cluster.apply(foreign, manager="mesh")
    assert prune(live, manifest) == recorded  # what others add beside ours is no drift

    edit = deployment(namespace, "web")
    edit["spec"] = {"replicas": 3, "template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}
    live = cluster.apply(edit, manager="person", force=True)
    pruned = prune(live, manifest)
    assert pruned["spec"]["replicas"] == 3
    assert pruned["spec"]["template"]["spec"]["nodeSelector"] != recorded["spec"]["template"]["spec"]["nodeSelector"]
    owner = owner_of_field(managed_field_owners(live), "spec.replicas")
    assert owner is not None
    assert owner.manager == "person"
    assert owner.time


def test_a_request_costs_little(cluster: KubeCluster, namespace: str) -> None:
    manifest = config(namespace, "a", one="1")
    ref = ObjectRef.of(manifest)
    cluster.apply(manifest, manager="fleet")

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    calls: list[Callable[[], object]] = [
        lambda: cluster.get(ref),
        lambda: cluster.apply(manifest, manager="fleet"),
    ]
    for call in calls:
        started = spent()
        for _ in range(100):
            call()
        assert (spent() - started) / 100 < 0.003  # 0.4 and 0.6 ms on an idle machine
