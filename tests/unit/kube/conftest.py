from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.kube.cluster import KubeCluster
from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.kube.retries import RetryPolicy
from fleet.adapters.kube.transport import Deadlines
from fleet.model.declared import AccessSpec, ClusterSpec

Connect = Callable[..., KubeCluster]

QUICK = Deadlines(connect=0.5, read=0.5, total=4.0)


def kubeconfig(server: str, *, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None) -> str:
    return json.dumps(
        {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
        }
    )


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Connects to a server by way of a kubeconfig file."""
    made: list[KubeClusters] = []

    def _connect(
        server: str,
        *,
        user: dict[str, Any] | None = None,
        cluster: dict[str, Any] | None = None,
        exec_allowed: tuple[str, ...] = (),
        environ: dict[str, str] | None = None,
        deadlines: Deadlines = QUICK,
        breaker_pause: float = 0.0,
    ) -> KubeCluster:
        path = tmp_path / f"kubeconfig-{len(made)}"
        path.write_text(kubeconfig(server, user=user, cluster=cluster))
        retries = RetryPolicy(base=0.01, cap=0.05, retry_after_cap=1.0)
        clusters = KubeClusters(
            tmp_path / "none",
            tmp_path,
            environ or {},
            deadlines=deadlines,
            retries=retries,
            breaker_pause=breaker_pause,
        )
        made.append(clusters)
        access = AccessSpec(kubeconfig=str(path), context="here", exec_allowed=exec_allowed)
        return clusters.writer("eu", ClusterSpec(access=access))

    yield _connect
    for clusters in made:
        clusters.close()
