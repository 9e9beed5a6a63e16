"""An engine in memory, behind the port: stacks are sets of objects on fake clusters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fleet.engine.compare import compare
from fleet.errors import UnreachableError
from fleet.model.change import ChangeSet
from fleet.model.declared import ClusterSpec
from fleet.model.names import Target
from fleet.model.objects import FIELD_MANAGER, ObjectRef
from fleet.ports.deployer import DeployedObject, DeployRequest, DeployResult
from tests.fakes.cluster import FakeClusters


@dataclass
class FakeDeployer:
    """Applies desired objects to fake clusters, and remembers what belongs to which stack."""

    clusters: FakeClusters
    owned: dict[Target, tuple[ObjectRef, ...]] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    """Names of apps whose objects the API server refuses."""
    order: list[Target] = field(default_factory=list)
    """Targets in the order in which their deploy began."""
    warnings: tuple[str, ...] = ()
    """What every apply and preview warns of."""
    on_deploy: Callable[[Target], None] | None = None
    together: int = 0
    """Most deploys that ran at the same time."""
    _running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deploy(self, request: DeployRequest, on_object: Callable[[ObjectRef, str], None]) -> DeployResult:
        target = request.desired.target
        if not request.preview:
            with self._lock:
                self.order.append(target)
                self._running += 1
                self.together = max(self.together, self._running)
        try:
            if self.on_deploy is not None and not request.preview:
                self.on_deploy(target)
            return self._deploy(request)
        except UnreachableError as error:
            return DeployResult(ChangeSet(), (), {}, error=error.message, unreachable=True)
        finally:
            if not request.preview:
                with self._lock:
                    self._running -= 1

    def _deploy(self, request: DeployRequest) -> DeployResult:
        target = request.desired.target
        cluster = self.clusters[target.cluster]
        if target.app in self.refuse:
            return DeployResult(ChangeSet(), (), {}, error="the API server refused `Deployment/x`: invalid")
        wanted = {ObjectRef.of(m).identity: m for m in request.desired.objects}
        before = [o for ref in self.owned.get(target, ()) if (o := cluster.get(ref)) is not None]
        if request.preview:
            return DeployResult(compare(before, list(request.desired.objects)), (), {}, warnings=self.warnings)
        deployed = [
            DeployedObject(ObjectRef.of(m), m, cluster.apply(m, manager=FIELD_MANAGER)) for m in wanted.values()
        ]
        for ref in self.owned.get(target, ()):
            if ref.identity not in wanted:
                cluster.delete(ref)
        self.owned[target] = tuple(o.ref for o in deployed)
        changes = compare(before, [o.live for o in deployed])
        return DeployResult(changes, tuple(deployed), {}, warnings=self.warnings)

    def remove(self, target: Target, cluster: ClusterSpec, timeout: float, fence: int) -> DeployResult:
        server = self.clusters[target.cluster]
        before = [o for ref in self.owned.get(target, ()) if (o := server.get(ref)) is not None]
        for ref in self.owned.pop(target, ()):
            server.delete(ref)
        return DeployResult(compare(before, []), (), {})

    def stacks(self) -> Sequence[Target]:
        return sorted(self.owned)

    def close(self) -> None:
        """Do nothing."""
