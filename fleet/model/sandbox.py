"""The sandbox: local throw-away clusters, a git host, and the demo fleet."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from fleet.model.base import Report

DEFAULT_CLUSTERS = ("dev", "staging", "prod-eu", "prod-us")
"""The clusters of the demo fleet, in pipeline order."""


class ClusterState(StrEnum):
    """State of one sandbox cluster."""

    READY = "ready"  # every component and every node is ready
    DEGRADED = "degraded"  # a component is dead or not ready
    DOWN = "down"  # nothing runs


class SandboxCluster(Report):
    """One sandbox cluster."""

    name: str
    """Its name in the fleet, and its context in the sandbox's kubeconfig."""
    state: ClusterState
    server: str
    version: str | None = None
    """Version that the API server tells, like `v1.36.1`."""
    nodes: int = 0
    """Ready nodes."""
    memory: int = 0
    """Resident memory of all its processes, in bytes."""
    processes: int = 0
    ports: Mapping[str, int] = {}
    reason: str = ""
    """Why it is not ready."""
    seconds: float | None = None
    """What it took to start it now; None if it was running."""


class Sandbox(Report):
    """The whole sandbox, as it is."""

    root: Path
    kubeconfig: Path
    origin: Path | None = None
    """The bare git repository; None if there is no demo fleet."""
    fleet: Path | None = None
    """The work clone."""
    clusters: tuple[SandboxCluster, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether there are clusters, and all are ready."""
        return bool(self.clusters) and all(c.state is ClusterState.READY for c in self.clusters)


class Check(Report):
    """One check before the start."""

    name: str
    ok: bool
    text: str
    hint: str | None = None


class Leftovers(Report):
    """What `down` is about to remove, or has removed."""

    root: Path
    clusters: tuple[str, ...] = ()
    processes: int = 0
    paths: tuple[Path, ...] = ()
    unsaved: tuple[str, ...] = ()
    """Files of the work clone that were changed and not committed."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing."""
        return not self.clusters and not self.processes and not self.paths
