from __future__ import annotations

from tests.contract.cluster import ClusterContract


class TestKubeCluster(ClusterContract):
    """The adapter on a real API server."""
