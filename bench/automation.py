"""Pulumi's Automation API as its documentation shows it: one inline program and one `Stack.up()` per stack."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.pulumi.deployer import PulumiDeployer
from fleet.adapters.pulumi.runtime import provider_inputs
from fleet.model.declared import AccessSpec, ClusterSpec, EngineSpec
from fleet.model.names import Target
from fleet.model.release import Release
from fleet.model.state import DesiredState


def up_all(work: dict[str, Any], state: Path) -> None:
    """Run `Stack.up()` for each target of ``work``, one after the other."""
    from pulumi import automation

    clusters = KubeClusters(Path(work["kubeconfig"]), Path.cwd(), os.environ)
    deployer = PulumiDeployer(state / "fleet", clusters, lambda: Path(work["pulumi"]), EngineSpec(), work["fleet"])
    backend = state / "backend"
    backend.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = f"{Path(work['pulumi']).parent}{os.pathsep}{os.environ['PATH']}"
    command = automation.PulumiCommand()
    environment = deployer.runtime.attach(_resolver(work))
    for entry in work["targets"]:
        target = Target.from_stack(entry["stack"])
        cluster = ClusterSpec(access=AccessSpec(sandbox=target.cluster))
        stack = automation.create_or_select_stack(
            stack_name=target.stack,
            project_name=work["fleet"],
            program=_program(entry["objects"], provider_inputs(clusters, target, cluster)),
            opts=automation.LocalWorkspaceOptions(
                pulumi_command=command,
                env_vars={
                    "PULUMI_BACKEND_URL": f"file://{backend}",
                    "PULUMI_HOME": str(state / "home"),
                    "PULUMI_CONFIG_PASSPHRASE": "bench",
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                    "PULUMI_DEBUG_PROVIDERS": environment["PULUMI_DEBUG_PROVIDERS"],
                },
            ),
        )
        stack.up()
    deployer.close()
    clusters.close()


def _resolver(work: dict[str, Any]) -> Callable[[str], tuple[DesiredState, ClusterSpec]]:
    """Return what tells the provider which objects belong to a stack."""
    known = {entry["stack"]: entry["objects"] for entry in work["targets"]}

    def resolve(stack: str) -> tuple[DesiredState, ClusterSpec]:
        target = Target.from_stack(stack)
        release = Release(version="1.0.0", revision="0" * 40)
        cluster = ClusterSpec(access=AccessSpec(sandbox=target.cluster))
        return DesiredState(target, release, known[stack], "bench"), cluster

    return resolve


def _program(objects: list[dict[str, Any]], provider: dict[str, str]) -> Callable[[], None]:
    def program() -> None:
        from fleet.adapters.pulumi.program import register

        register(objects, provider)

    return program
