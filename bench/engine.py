"""What the engine alone costs for a target of 15 objects: ``python -m bench.engine KUBECONFIG CONTEXT PULUMI``.

Rows: fleet's engine, the Automation API's ``Stack.up()`` with an inline program through the same provider, and raw
server-side apply of the same objects. CPU seconds of this process and its children; median of a few runs.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fleet.model.objects import FIELD_MANAGER
from tests.helpers.engine import FLEET, Engine

_RUNS = 5


def bookinfo(namespace: str, image: str) -> list[dict[str, Any]]:
    """Return 15 objects in the shape of the Istio sample."""
    objects: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}]
    for app, versions in (
        ("details", ["v1"]),
        ("ratings", ["v1"]),
        ("reviews", ["v1", "v2", "v3"]),
        ("productpage", ["v1"]),
    ):
        metadata = {"name": app, "namespace": namespace, "labels": {"app": app}}
        objects.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        ports = [{"name": "http", "port": 9080}]
        objects.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": {"app": app}, "ports": ports},
            }
        )
        for version in versions:
            labels = {"app": app, "version": version}
            container = {
                "name": app,
                "image": f"docker.io/istio/examples-bookinfo-{app}-{version}:{image}",
                "ports": [{"containerPort": 9080}],
                "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True},
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            }
            template = {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": app,
                    "containers": [container],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            }
            spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
            name = {"name": f"{app}-{version}", "namespace": namespace, "labels": labels}
            objects.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": spec})
    return objects


def cost(work: Callable[[], None]) -> tuple[float, float, float]:
    """Return CPU seconds of this process, CPU seconds of children, and wall seconds."""
    before, start = _cpu(), time.perf_counter()
    work()
    after = _cpu()
    return after[0] - before[0], after[1] - before[1], time.perf_counter() - start


def _cpu() -> tuple[float, float]:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, children = (usage.ru_utime + usage.ru_stime for usage in usages)
    return own, children


def measured(title: str, works: Sequence[Callable[[], None]]) -> None:
    """Print one row."""
    costs = [cost(work) for work in works]
    own, children, wall = (statistics.median(column) for column in zip(*costs, strict=True))
    print(f"{title:<44} {own + children:8.3f} {own:8.3f} {children:8.3f} {wall:8.3f}")


def main() -> int:
    """Measure and print the table."""
    kubeconfig, context, pulumi = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    print(f"{'15 objects, one target':<44} {'CPU-s':>8} {'fleet':>8} {'child':>8} {'wall s':>8}")
    with tempfile.TemporaryDirectory() as directory:
        engine = Engine(Path(directory), kubeconfig, context, pulumi)
        namespace = f"engine-bench-{os.getpid()}"

        def up(image: str) -> Callable[[], None]:
            return lambda: _expect(engine.deploy(*bookinfo(namespace, image)).error)

        measured("fleet: first run (create, server start)", [up("1.0")])
        measured("fleet: six Deployments changed", [up(f"1.{run}") for run in range(1, _RUNS + 1)])
        measured("fleet: nothing changed", [up(f"1.{_RUNS}")] * _RUNS)
        measured(
            "fleet: preview of six changes",
            [lambda: _expect(engine.deploy(*bookinfo(namespace, "9"), preview=True).error)] * 3,
        )

        def raw(image: str) -> Callable[[], None]:
            owned = engine.desired(bookinfo(namespace, image)).objects

            def apply() -> None:
                for manifest in owned:
                    engine.api.apply(manifest, manager=FIELD_MANAGER, force=True)

            return apply

        measured("raw server-side apply, same client", [raw(f"2.{run}") for run in range(_RUNS)])
        _expect(engine.remove().error)
        _automation(engine, namespace + "-api", pulumi, Path(directory))
        engine.close()
    return 0


def _automation(engine: Engine, namespace: str, pulumi: Path, directory: Path) -> None:
    """Measure ``Stack.up()`` of the Automation API on the same stack name, provider and backend."""
    from pulumi import automation

    from fleet.adapters.pulumi.program import register
    from fleet.adapters.pulumi.runtime import provider_inputs

    objects: list[dict[str, Any]] = []
    runtime = engine.deployer.runtime
    environment = runtime.attach(lambda _stack: (engine.desired(objects), engine.cluster))
    environment.pop("PULUMI_DEBUG_LANGUAGES")  # the Automation API brings its own language host
    inputs = provider_inputs(engine.clusters, engine.target, engine.cluster)
    settings = runtime.stack_settings(engine.target.stack)
    tools, work = directory / "bin", directory / "automation"
    tools.mkdir()
    work.mkdir()
    (tools / "pulumi").symlink_to(pulumi)
    environment["PATH"] = os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    stack = automation.create_or_select_stack(
        engine.target.stack,
        project_name=FLEET,
        program=lambda: register(engine.desired(objects).objects, inputs),
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(work),
            env_vars=environment,
            secrets_provider=settings["secretsprovider"],
            stack_settings={
                engine.target.stack: automation.StackSettings(
                    secrets_provider=settings["secretsprovider"], encrypted_key=settings["encryptedkey"]
                )
            },
        ),
    )

    def up(image: str) -> Callable[[], None]:
        def work() -> None:
            objects[:] = bookinfo(namespace, image)
            runtime.forget_hand_runs()
            stack.up()

        return work

    measured("Automation API: create", [up("1.0")])
    measured("Automation API: six Deployments changed", [up(f"1.{run}") for run in range(1, 4)])
    measured("Automation API: nothing changed", [up("1.3")] * 3)
    stack.destroy()


def _expect(error: str) -> None:
    assert error == "", error


if __name__ == "__main__":
    raise SystemExit(main())
