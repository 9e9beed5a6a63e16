"""Connects to the clusters that a fleet declares."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fleet.adapters.kube.client import Client
from fleet.adapters.kube.cluster import KubeCluster
from fleet.adapters.kube.kubeconfig import broken, load_endpoint
from fleet.adapters.kube.retries import Breaker, RetryPolicy
from fleet.adapters.kube.transport import Deadlines
from fleet.model.declared import AccessSpec, ClusterSpec

_LIST_THREADS = 8


class KubeClusters:
    """Implements :class:`fleet.ports.cluster.Clusters`. Safe to share between threads.

    Args:
        sandbox_kubeconfig: kubeconfig file of the local sandbox; its contexts are the names of the sandbox clusters.
        repository_root: directory that relative kubeconfig paths of cluster files start at, and stay in.
        environ: environment variables, for ``$KUBECONFIG``, ``$HOME``, proxies and credential plugins.
        deadlines: seconds that calls may take.
        retries: how calls are repeated.
        breaker_pause: seconds for which calls to an unreachable cluster fail at once.
    """

    def __init__(
        self,
        sandbox_kubeconfig: Path,
        repository_root: Path,
        environ: Mapping[str, str],
        *,
        deadlines: Deadlines | None = None,
        retries: RetryPolicy | None = None,
        breaker_pause: float = 5.0,
    ) -> None:
        self._sandbox_kubeconfig = sandbox_kubeconfig
        self._root = repository_root
        self._environ = dict(environ)
        self._deadlines = deadlines or Deadlines()
        self._retries = retries or RetryPolicy()
        self._breaker_pause = breaker_pause
        self._lock = threading.Lock()
        self._clusters: dict[tuple[str, AccessSpec], tuple[KubeCluster, Client]] = {}
        self._executor = ThreadPoolExecutor(_LIST_THREADS, thread_name_prefix="fleet-list")

    def __repr__(self) -> str:
        return "KubeClusters()"

    def reader(self, name: str, spec: ClusterSpec) -> KubeCluster:
        """Return a reader. Connects lazily: an unreachable cluster raises at the first call."""
        return self.writer(name, spec)

    def writer(self, name: str, spec: ClusterSpec) -> KubeCluster:
        """Return a writer. The same cluster gives the same object, with its connections and caches."""
        key = (name, spec.access)
        with self._lock:
            if key not in self._clusters:
                client = Client(
                    name,
                    spec.access,
                    self._sandbox_kubeconfig,
                    self._root,
                    self._environ,
                    self._deadlines,
                    self._retries,
                    Breaker(self._breaker_pause),
                )
                self._clusters[key] = (KubeCluster(name, client, self._executor), client)
            return self._clusters[key][0]

    def kubeconfig(self, name: str, spec: ClusterSpec) -> tuple[Path, str]:
        """Return the kubeconfig file and context that a cluster is reached with, for tools that read it themselves.

        What the cluster file does not allow (a credential plugin) is refused here too.

        Raises:
            UnreachableError: there is no such file, or it cannot be used.
        """
        endpoint = load_endpoint(name, spec.access, self._sandbox_kubeconfig, self._root, self._environ)
        if not endpoint.whole:
            message = f"context `{endpoint.context}` is spread over several kubeconfig files"
            raise broken(name, message, "kubectl config view --flatten")
        return endpoint.file, endpoint.context

    def close(self) -> None:
        """Close all connections. Calls that are under way fail."""
        with self._lock:
            clusters = list(self._clusters.values())
            self._clusters.clear()
        for _, client in clusters:
            client.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
