"""The main job, end to end, as `make demo` runs it: real control planes, real git, real Pulumi."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.cli.story import REVIEWS_V3, STORY


def run(
    *command: str, directory: Path, environment: dict[str, str], expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a program that has to end with this status."""
    ended = subprocess.run(
        list(command),
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ended.returncode == expect, ended.stdout + ended.stderr
    return ended


@pytest.fixture
def state(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give an environment with a state directory of its own; its sandbox is removed at the end."""
    environment = dict(os.environ) | {"FLEET_STATE_DIR": str(tmp_path / "state")}
    try:
        yield environment
    finally:
        run(sys.executable, "-m", "fleet", "sandbox", "down", "--yes", directory=tmp_path, environment=environment)


def data(ended: subprocess.CompletedProcess[str]) -> Any:
    """Return the data of a JSON envelope."""
    document = json.loads(ended.stdout)
    assert document["ok"], document
    return document["data"]


def test_the_story_plays_to_its_end_and_leaves_the_fleet_as_it_says(state: dict[str, str], tmp_path: Path) -> None:
    fleet = (sys.executable, "-m", "fleet")
    sandbox = tmp_path / "state" / "sandbox"

    played = run(*fleet, "demo", "--yes", directory=tmp_path, environment=state)

    for chapter in STORY:
        assert chapter.title in played.stdout
        for step in chapter.steps:
            assert f"$ {step.line}" in played.stdout
    # dev and staging have the new release; prod went there and back
    clone = sandbox / "fleet"
    run(*fleet, "reconcile", "--yes", directory=clone, environment=state)
    assert images(sandbox, state) == {
        "dev": REVIEWS_V3,
        "staging": REVIEWS_V3,
        "prod-eu": REVIEWS_V3.replace("v3", "v2"),
        "prod-us": REVIEWS_V3.replace("v3", "v2"),
    }
    # history is rebuilt from git alone: in a fresh clone with nothing else
    fresh = tmp_path / "fresh"
    run("git", "clone", "--quiet", str(sandbox / "origin.git"), str(fresh), directory=tmp_path, environment=state)
    entries = data(run(*fleet, "history", "-o", "json", directory=fresh, environment=state))
    kinds = [(entry["kind"], entry["environment"]) for entry in entries]
    assert kinds[:4] == [("rollback", "prod"), ("promotion", "prod"), ("promotion", "staging"), ("release", "dev")]
    # nothing is left to do, and nothing drifted
    second = data(run(*fleet, "reconcile", "--yes", "-o", "json", directory=clone, environment=state))
    assert {result["outcome"] for result in second["results"]} == {"unchanged"}


def images(sandbox: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return the live image of `reviews` on each cluster, as kubectl sees it."""
    from fleet.adapters.toolchain.toolchain import Toolchain
    from fleet.bootstrap import paths
    from tests.helpers.reporting import SilentReporter

    kubectl = Toolchain(paths.cache_directory() / "toolchain", {}, SilentReporter()).path("kubectl")
    live = {}
    for cluster in ("dev", "staging", "prod-eu", "prod-us"):
        ended = run(
            str(kubectl),
            f"--kubeconfig={sandbox / 'kubeconfig'}",
            f"--context={cluster}",
            "--namespace=bookinfo",
            "get",
            "deployments",
            "--output=json",
            directory=sandbox,
            environment=environment,
        )
        containers = [
            container["image"]
            for item in json.loads(ended.stdout)["items"]
            for container in item["spec"]["template"]["spec"]["containers"]
        ]
        live[cluster] = next(image for image in containers if "reviews" in image)
    return live
