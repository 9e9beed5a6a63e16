"""A deployer on a real cluster, and desired states from plain manifests."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.pulumi.deployer import PulumiDeployer
from fleet.engine.objects import object_digest, ownership, with_ownership
from fleet.model.declared import AccessSpec, ClusterSpec, EngineSpec
from fleet.model.names import Target
from fleet.model.objects import Manifest, ObjectRef
from fleet.model.release import Release
from fleet.model.state import DesiredState
from fleet.ports.deployer import DeployRequest, DeployResult

FLEET = "conformance"


def namespace_for(test: str) -> str:
    """Return a namespace name for a test; processes do not share it."""
    return re.sub(r"[^a-z0-9]+", "-", f"engine-{test}-{os.getpid()}".lower())[:60].strip("-")


@dataclass
class Engine:
    """A deployer with everything that a test says about one target."""

    state: Path
    kubeconfig: Path
    context: str
    pulumi: Path
    app: str = "app"
    steps: list[tuple[ObjectRef, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = ClusterSpec(access=AccessSpec(context=self.context, kubeconfig=str(self.kubeconfig)))
        self.clusters = KubeClusters(Path("/nonexistent"), Path("/"), {})
        environment = f"test-{sha256(str(self.state).encode()).hexdigest()[:6]}"  # whose objects these are: this test's
        self.target = Target(self.app, environment, "one")
        self.deployer = PulumiDeployer(self.state, self.clusters, lambda: self.pulumi, EngineSpec(), FLEET)
        self.api = self.clusters.writer(self.target.cluster, self.cluster)
        self.fence = 1

    def desired(self, objects: Sequence[Manifest]) -> DesiredState:
        labels = ownership(FLEET, self.target)
        owned = tuple(with_ownership(m, labels, object_digest(m)) for m in objects)
        return DesiredState(self.target, Release(version="1.0.0", revision="0" * 40), owned, "digest")

    def deploy(
        self,
        *objects: Manifest,
        preview: bool = False,
        timeout: float = 240.0,  # a busy machine is no failure
        cancel: threading.Event | None = None,
    ) -> DeployResult:
        request = DeployRequest(self.desired(objects), self.cluster, timeout, self.fence, preview, cancel)
        self.steps.clear()
        return self.deployer.deploy(request, lambda ref, step: self.steps.append((ref, step)))

    def apply(self, *objects: Manifest, **options: Any) -> DeployResult:
        """Deploy and expect success."""
        result = self.deploy(*objects, **options)
        assert result.error == "", result.error
        return result

    def remove(self) -> DeployResult:
        return self.deployer.remove(self.target, self.cluster, 60.0, self.fence)

    def get(self, manifest: Manifest) -> Manifest | None:
        return self.api.get(ObjectRef.of(manifest))

    def close(self) -> None:
        self.deployer.close()
        self.clusters.close()

    def remove_quickly(self) -> None:
        """Delete what the stack holds, without waiting for it to be gone."""
        for ref in reversed(self.deployer.state.held(self.target.stack)):
            self.api.delete(ref, propagation="Background")
