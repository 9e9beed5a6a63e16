"""A fleet on two real API servers, reconciled by the real engine. Also a program, so that a test can kill it.

python -m tests.integration.reconcile.world DIRECTORY KUBECONFIG PULUMI NAMESPACE REPLICAS
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.pulumi.deployer import PulumiDeployer
from fleet.model.declared import AccessSpec, ClusterSpec, EngineSpec
from tests.helpers.reconciling import World, make_fleet, migration, outcomes

IMAGE = "registry.example/web"


def objects(namespace: str, version: str, replicas: int = 1) -> list[dict[str, Any]]:
    """Return a namespace, a Deployment that the simulated nodes run, its settings, its secret and its Service."""
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": f"{IMAGE}:{version}"}]}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": namespace},
            "data": {"level": "info", "version": version},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "token", "namespace": namespace},
            "stringData": {"password": "canary-secret"},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]


class RealWorld(World):
    """A world whose clusters and engine are real. Each app lives in a namespace of its own name, after a prefix."""

    def __init__(self, directory: Path, kubeconfig: Path, pulumi: Path, prefix: str, **options: Any) -> None:
        contexts = options.pop("contexts", ["kwok-one", "kwok-two"])
        apps = options.pop("apps", ["web"])
        self.prefix = prefix
        self.kubeconfig = kubeconfig
        self.pulumi = pulumi
        self.replicas = options.pop("replicas", 1)
        fleet = make_fleet({"prod": [[contexts[0]], [contexts[1]]]}, apps)
        access = {
            c: ClusterSpec(access=AccessSpec(context=c, kubeconfig=str(kubeconfig)), labels={"cluster": c})
            for c in contexts
        }
        # Tests share the clusters: with one name they would take each other's objects for leftovers of their own.
        file = fleet.file.model_copy(update={"name": prefix})
        super().__init__(replace(fleet, file=file, clusters=access), directory, **options)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kube = KubeClusters(Path("none"), self.directory, {"HOME": str(self.directory)})
        self.clusters = self.kube  # type: ignore[assignment]
        self.engine = PulumiDeployer(self.directory, self.kube, lambda: self.pulumi, EngineSpec(), self.fleet.name)
        self.deployer = self.engine  # type: ignore[assignment]

    def rendered(self, app: str) -> list[dict[str, Any]]:
        version = self.version.get(app, "1.0.0")
        return [*objects(self.namespace(app), version, self.replicas), *self.extra.get(app, [])]

    def migrate(self, *names: str) -> None:
        """Let web bring migrations: those of an even number contract, the others expand."""
        steps = []
        for name in names:
            phase = "contract" if int(name.rpartition("-")[2]) % 2 == 0 else "expand"
            steps.append(migration(self.namespace("web"), name, phase))
        self.migrations["web"] = steps

    def namespace(self, app: str) -> str:
        return f"{self.prefix}-{app}"

    def reader(self, cluster: str) -> Any:
        return self.kube.writer(cluster, self.fleet.clusters[cluster])

    def close(self) -> None:
        self.engine.close()
        self.kube.close()
        self.store.close()


def main() -> None:
    """Reconcile once, and print how each target ended."""
    directory, kubeconfig, pulumi, prefix, replicas = sys.argv[1:]
    contexts = os.environ["FLEET_TEST_CONTEXTS"].split(",")
    world = RealWorld(
        Path(directory), Path(kubeconfig), Path(pulumi), prefix, replicas=int(replicas), contexts=contexts
    )
    world.migrate(*filter(None, os.environ.get("FLEET_TEST_MIGRATIONS", "").split(",")))
    try:
        run = world.execute(world.plan(), timeout=240)  # a busy machine is no failure
    finally:
        world.close()
    sys.stdout.write(json.dumps(outcomes(run)))


if __name__ == "__main__":
    main()
