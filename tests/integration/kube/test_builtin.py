"""Kinds that are taken for granted, against what a real API server offers."""

from __future__ import annotations

from fleet.adapters.kube.builtin import BUILT_IN
from fleet.adapters.kube.cluster import KubeCluster


def test_built_in_kinds_are_what_discovery_says(cluster: KubeCluster) -> None:
    assert {key: cluster.kind(*key) for key in BUILT_IN} == BUILT_IN
