"""Stacks that fleet wrote, used by a person: the stock command line, and a program with the Pulumi SDK."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.pulumi.secrets_endpoint import URL
from fleet.model.declared import ClusterSpec
from fleet.model.objects import ObjectRef
from fleet.model.state import DesiredState
from tests.helpers.engine import FLEET, Engine, namespace_for

Make = Callable[..., Engine]


def objects(space: str, value: str = "1") -> list[dict[str, Any]]:
    metadata = {"name": "thing", "namespace": space}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
    deployment = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": "hunter2"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
    ]


class Hand:
    """Runs the command line on a stack, as `fleet pulumi` does."""

    def __init__(self, engine: Engine, manifests: list[dict[str, Any]]) -> None:
        self.engine = engine
        self.manifests = manifests
        self.asked: list[str] = []

    def resolve(self, stack: str) -> tuple[DesiredState, ClusterSpec]:
        self.asked.append(stack)
        return self.engine.desired(self.manifests), self.engine.cluster

    def __call__(self, *arguments: str) -> int:
        return self.engine.deployer.interactive(arguments, None, self.resolve)


@pytest.fixture
def hand(engine: Make, request: pytest.FixtureRequest) -> Hand:
    here = engine()
    manifests = objects(namespace_for(request.node.name[:30]))
    here.apply(*manifests)
    return Hand(here, manifests)


def test_stacks_are_listed(hand: Hand, capfd: pytest.CaptureFixture[str]) -> None:
    assert hand("stack", "ls") == 0
    assert hand.engine.target.stack in capfd.readouterr().out


def test_preview_by_hand_shows_no_change_on_what_fleet_wrote(hand: Hand, capfd: pytest.CaptureFixture[str]) -> None:
    assert hand("preview", "-s", hand.engine.target.stack, "--non-interactive", "--expect-no-changes") == 0
    assert "6 unchanged" in capfd.readouterr().out
    assert set(hand.asked) == {hand.engine.target.stack}


def test_preview_by_hand_shows_what_reconcile_would_do(hand: Hand, capfd: pytest.CaptureFixture[str]) -> None:
    hand.manifests = objects(hand.manifests[0]["metadata"]["name"], "2")
    assert hand("preview", "-s", hand.engine.target.stack, "--non-interactive", "--diff") == 0
    output = capfd.readouterr().out
    assert "1 to update" in output
    assert "hunter2" not in output


def test_refresh_by_hand_keeps_the_stack_as_fleet_knows_it(hand: Hand) -> None:
    stack = hand.engine.target.stack
    key = hand.engine.deployer.state.wrapped_key(stack)
    assert hand("refresh", "-s", stack, "--yes", "--skip-preview", "--non-interactive") == 0
    assert key is not None
    assert hand.engine.deployer.state.wrapped_key(stack) == key, "secrets are encrypted with the fleet's key"
    assert hand.engine.apply(*hand.manifests).operations == {"same": 4}


def test_edit_that_a_refresh_took_over_is_still_corrected(hand: Hand) -> None:
    config_map = hand.manifests[1]
    hand.engine.api.apply({**config_map, "data": {"k": "theirs"}}, manager="somebody", force=True)
    assert hand("refresh", "-s", hand.engine.target.stack, "--yes", "--skip-preview", "--non-interactive") == 0
    assert hand.engine.apply(*hand.manifests).operations == {"update": 1, "same": 3}
    assert (hand.engine.get(config_map) or {})["data"] == {"k": "1"}


def test_export_holds_secrets_encrypted(hand: Hand, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert hand("stack", "export", "-s", hand.engine.target.stack, "--file", str(file)) == 0
    resources = json.loads(file.read_text())["deployment"]["resources"]
    secret = next(r for r in resources if r["type"] == "kubernetes:core/v1:Secret")
    assert "ciphertext" in secret["inputs"]["stringData"]
    assert "hunter2" not in file.read_text()


def test_state_has_the_shape_of_the_official_provider(hand: Hand) -> None:
    by_type = {r["type"]: r for r in hand.engine.deployer.state.resources(hand.engine.target.stack)}
    deployment = by_type["kubernetes:apps/v1:Deployment"]
    space = hand.manifests[0]["metadata"]["name"]
    assert deployment["id"] == f"{space}/thing"
    assert deployment["outputs"]["__inputs"] == deployment["inputs"]
    assert deployment["outputs"]["__initialApiVersion"] == "apps/v1"
    assert deployment["outputs"]["__fieldManager"] == "fleet"
    assert "managedFields" not in deployment["outputs"]["metadata"]
    provider = by_type["pulumi:providers:kubernetes"]
    assert set(provider["inputs"]) >= {"clusterIdentifier", "kubeconfig", "context"}
    assert provider["inputs"]["kubeconfig"] == str(hand.engine.kubeconfig)


def test_names_in_the_stack_are_namespace_and_name(hand: Hand) -> None:
    held = hand.engine.deployer.state.held(hand.engine.target.stack)
    assert set(held) == {ObjectRef.of(manifest) for manifest in hand.manifests}


_PROGRAM = """
import json, sys
from pulumi import automation
from fleet.adapters.pulumi.program import register
job = json.load(sys.stdin)
stack = automation.create_or_select_stack(
    job["stack"],
    project_name=job["project"],
    program=lambda: register(job["objects"], job["provider"]),
    opts=automation.LocalWorkspaceOptions(
        work_dir=job["directory"],
        secrets_provider=job["settings"]["secretsprovider"],
        stack_settings={
            job["stack"]: automation.StackSettings(
                secrets_provider=job["settings"]["secretsprovider"], encrypted_key=job["settings"]["encryptedkey"]
            )
        },
    ),
)
result = stack.preview()
print(json.dumps(result.change_summary))
"""


def test_program_with_the_sdk_registers_the_same_resources(hand: Hand, tmp_path: Path) -> None:
    """The Automation API runs the root program's registrations against a stack that fleet wrote: nothing changes."""
    import sys

    from fleet.adapters.pulumi.runtime import provider_inputs

    here = hand.engine
    environment = here.deployer.runtime.attach(hand.resolve)
    environment.pop("PULUMI_DEBUG_LANGUAGES")  # the Automation API brings its own language host
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pulumi").symlink_to(here.pulumi)
    job = {
        "stack": here.target.stack,
        "project": FLEET,
        "directory": str(tmp_path),
        "objects": [dict(manifest) for manifest in here.desired(hand.manifests).objects],
        "provider": provider_inputs(here.clusters, here.target, here.cluster),
        "settings": here.deployer.runtime.stack_settings(here.target.stack),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(job),
        env={**environment, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"same": 6}


def plain_pulumi(hand: Hand, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Pulumi as a person would in a project like the one at the root of a fleet, without `fleet pulumi`."""
    state = hand.engine.deployer.state
    settings = os.path.relpath(state.root / "settings", directory)
    project = {"name": FLEET, "runtime": "python", "backend": {"url": state.url}, "stackConfigDir": settings}
    (directory / "Pulumi.yaml").write_text(json.dumps(project))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    command = [str(hand.engine.pulumi), *arguments, "--non-interactive"]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_pulumi_by_itself_lists_stacks_and_says_what_unlocks_them(hand: Hand, tmp_path: Path) -> None:
    stack = hand.engine.target.stack
    listed = plain_pulumi(hand, tmp_path, "stack", "ls")
    assert (listed.returncode, stack in listed.stdout) == (0, True), listed.stderr
    refused = plain_pulumi(hand, tmp_path, "preview", "-s", stack)
    assert refused.returncode != 0
    assert "run-it-by-fleet-pulumi" in refused.stderr
    assert "passphrase" not in refused.stderr


def test_state_of_a_version_that_named_the_key_otherwise_is_still_opened(hand: Hand) -> None:
    file = hand.engine.deployer.state.file(hand.engine.target.stack)
    text = file.read_text()
    file.write_text(text.replace(URL, "hashivault://fleet"))
    assert file.read_text() != text
    assert hand.engine.apply(*hand.manifests).operations == {"same": 4}
    manifests = objects(hand.manifests[0]["metadata"]["name"], "2")
    assert hand.engine.apply(*manifests).operations == {"update": 1, "same": 3}


def test_in_the_shell_plain_pulumi_previews_a_stack_without_a_change(
    hand: Hand, capfd: pytest.CaptureFixture[str]
) -> None:
    stack = hand.engine.target.stack
    command = f"pulumi preview --non-interactive -s {stack} --expect-no-changes"
    assert hand.engine.deployer.interactive(["-c", command], None, hand.resolve, program="/bin/sh") == 0
    assert "unchanged" in capfd.readouterr().out
