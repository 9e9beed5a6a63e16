from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.adapters.kube.cluster import KubeCluster
from fleet.adapters.kube.clusters import KubeClusters
from fleet.model.declared import AccessSpec, ClusterSpec
from fleet.model.objects import ObjectRef
from tests.integration.conftest import Kube


@pytest.fixture(scope="session")
def clusters(kube: Kube) -> Iterator[KubeClusters]:
    made = KubeClusters(kube.kubeconfig, Path("/"), {})
    yield made
    made.close()


@pytest.fixture(scope="session")
def cluster(kube: Kube, clusters: KubeClusters) -> KubeCluster:
    return clusters.writer("one", ClusterSpec(access=AccessSpec(sandbox=kube.contexts[0])))


@pytest.fixture
def namespace(cluster: KubeCluster) -> Iterator[str]:
    """Give a new namespace; it goes away with all that is in it."""
    name = f"kube-{secrets.token_hex(4)}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.apply(manifest, manager="fleet")
    yield name
    cluster.delete(ObjectRef.of(manifest), propagation="Background")
