"""Pulumi's Automation API as its documentation shows it: one inline program and one `Stack.up()` per stack."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def up_all(work: dict[str, Any], state: Path) -> None:
    """Run `Stack.up()` for each target of ``work``, one after the other."""
    from pulumi import automation as auto

    from bench.attached import attached_provider

    os.environ.update(
        PULUMI_CONFIG_PASSPHRASE="bench",  # noqa: S106 (a throw-away state)
        PULUMI_SKIP_UPDATE_CHECK="true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true",
        PULUMI_HOME=str(state / "home"),
    )
    backend = state / "backend"
    backend.mkdir(parents=True, exist_ok=True)
    with attached_provider(work) as port:
        os.environ["PULUMI_DEBUG_PROVIDERS"] = f"kubernetes:{port}"
        for target in work["targets"]:
            options = auto.LocalWorkspaceOptions(
                project_settings=auto.ProjectSettings(
                    name="bench", runtime="python", backend=auto.ProjectBackend(url=f"file://{backend}")
                ),
                pulumi_command=auto.PulumiCommand(str(Path(work["pulumi"]).parent.parent)),
            )
            stack = auto.create_or_select_stack(
                stack_name=target["stack"],
                project_name="bench",
                program=_program(target["context"], target["objects"]),
                opts=options,
            )
            stack.up()


def _program(context: str, objects: list[dict[str, Any]]) -> Callable[[], None]:
    def program() -> None:
        import pulumi
        from pulumi_kubernetes import Provider

        provider = Provider("cluster", cluster=context)
        for manifest in objects:
            metadata = manifest["metadata"]
            name = "/".join(filter(None, [metadata.get("namespace"), metadata["name"]]))
            api = manifest["apiVersion"] if "/" in manifest["apiVersion"] else f"core/{manifest['apiVersion']}"
            pulumi.CustomResource(
                f"kubernetes:{api}:{manifest['kind']}", name, manifest, pulumi.ResourceOptions(provider=provider)
            )

    return program
