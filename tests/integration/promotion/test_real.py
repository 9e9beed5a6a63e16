"""Promotions with the real renderer and real API servers; objects are applied by server-side apply."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.git.repository import GitRepository
from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.render.renderer import JailedRenderer
from fleet.bootstrap.clock import SystemClock
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.objects import FIELD_MANAGER, ObjectRef
from fleet.operations.common.awaiting import await_health
from fleet.operations.common.desired import desired_states
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.stopping import Stop
from tests.helpers.git import IDENTITY_VARIABLES, clone, commit_all, git, make_repository, write_files
from tests.integration.conftest import Kube
from tests.integration.web import delete_namespaces, web_template

TEMPLATE = (
    web_template("{{ images.web }}")
    + """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {stars: "{{ values.stars }}"}
"""
)


class Fleet:
    """A fleet with an environment on each of two clusters, in a namespace of its own."""

    def __init__(self, directory: Path, kube: Kube) -> None:
        self.directory = directory
        self.kube = kube
        self.namespace = f"promotion-{secrets.token_hex(3)}"
        self.clusters = KubeClusters(Path("none"), directory, {"HOME": str(directory)})
        self.renderer = JailedRenderer(directory / "cache")
        self.places = dict(zip(("dev", "prod"), kube.contexts, strict=True))
        files = {
            "fleet.yaml": f"name: {self.namespace}\n",
            "apps/web/app.yaml": f"namespace: {self.namespace}\nimages: {{web: registry.example/web:1.0.0}}\n"
            "values: {replicas: 1, stars: none}\npromotable: [stars]\n",
            "apps/web/templates/web.yaml.j2": TEMPLATE,
        }
        for name, context in self.places.items():
            source = "" if name == "dev" else "promotesFrom: dev\n"
            policy = "policy: {releases: direct}\n" if name == "dev" else "values: {replicas: 2}\n"
            files[f"environments/{name}/environment.yaml"] = f"{source}clusters: {{names: [{name}]}}\n{policy}"
            access = f"access: {{context: {context}, kubeconfig: {kube.kubeconfig}}}\n"
            files[f"clusters/{name}.yaml"] = access
        seed = make_repository(directory / "seed", files)
        pin = f"release:\n  version: 1.0.0\n  revision: {git(seed, 'rev-parse', 'HEAD')}\n"
        write_files(seed, {f"environments/{name}/apps/web.yaml": pin for name in self.places})
        commit_all(seed, "pins")
        git(directory, "clone", "--quiet", "--bare", str(seed), "origin.git")
        self.root = clone(directory / "origin.git", directory / "clone")

    def call(self, *arguments: str, expect: int = 0) -> Any:
        """Run the command line with JSON output; return its data."""
        ended = subprocess.run(
            [sys.executable, "-m", "fleet", "-C", str(self.root), *arguments, "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={n: v for n, v in os.environ.items() if n not in IDENTITY_VARIABLES},
        )
        assert ended.returncode == expect, ended.stdout + ended.stderr
        return json.loads(ended.stdout)["data"]

    def apply(self, name: str) -> None:
        """Bring one environment to what main says, and wait until it is healthy."""
        repository = GitRepository(self.root)
        try:
            fleet, tree = load_fleet(repository, YamlFleetLoader(), "main")
            parts = {"repository": repository, "loader": YamlFleetLoader(), "renderer": self.renderer}
            target = Target("web", name, name)
            state = desired_states(fleet, [target], tree=tree, **parts).states[target]  # type: ignore[arg-type]
            writer = self.clusters.writer(name, fleet.clusters[name])
            for manifest in state.objects:
                writer.apply(manifest, manager=FIELD_MANAGER, force=True)
            clock = SystemClock()
            health = await_health(writer, fleet.name, state, deadline=clock.monotonic() + 60, clock=clock, stop=Stop())
            assert (health.status, health.exact) == (HealthStatus.HEALTHY, True), health
        finally:
            repository.close()

    def close(self) -> None:
        delete_namespaces(self.kube, self.clusters, [self.namespace])
        self.clusters.close()
        self.renderer.close()


@pytest.fixture
def fleet(kube: Kube, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path, kube)
    yield made
    made.close()


def test_release_promote_merge_and_roll_back(fleet: Fleet) -> None:
    image = "web=registry.example/web:1.1.0"
    released = fleet.call("release", "web", "--bump", "minor", "--image", image, "--set", "stars=red", "--yes")
    assert released["results"][0]["outcome"] == "committed"
    (held,) = fleet.call("promote", "web", "--to", "prod", "--yes", expect=4)["results"]
    assert "is not live yet" in held["error"]["message"]

    fleet.apply("dev")
    (opened,) = fleet.call("promote", "web", "--to", "prod", "--yes")["results"]
    assert (opened["outcome"], opened["pullRequest"]) == ("opened", 1)
    (group,) = opened["plan"]["groups"]
    changed = {change["ref"]["kind"]: change for change in group["changes"]["objects"]}
    assert set(changed) == {"Deployment", "ConfigMap"}
    assert changed["Deployment"]["risks"] == ["restarts pods"]
    (again,) = fleet.call("promote", "web", "--to", "prod", "--yes")["results"]
    assert (again["outcome"], again["commit"]) == ("unchanged", opened["commit"])
    fleet.call("pr", "merge", "1", "--yes")
    fleet.apply("prod")
    assert fleet.call("promote", "web", "--to", "prod", "--yes")["results"][0]["outcome"] == "nothing-to-do"

    fleet.call("rollback", "web", "--env", "prod", "--yes")
    fleet.call("pr", "merge", "2", "--yes")
    fleet.apply("prod")
    kinds = [(entry["kind"], entry["environment"]) for entry in fleet.call("history", "-n", "3")]
    assert kinds == [("rollback", "prod"), ("promotion", "prod"), ("release", "dev")]


def test_somebody_who_changes_the_source_by_hand_holds_the_promotion(fleet: Fleet) -> None:
    fleet.call("release", "web", "--version", "2.0.0", "--set", "stars=blue", "--yes")
    fleet.apply("dev")
    repository = GitRepository(fleet.root)
    loaded, _ = load_fleet(repository, YamlFleetLoader(), "main")
    repository.close()
    writer = fleet.clusters.writer("dev", loaded.clusters["dev"])
    assert writer.delete(ObjectRef("v1", "ConfigMap", fleet.namespace, "settings"), propagation="Background")
    (held,) = fleet.call("promote", "web", "--to", "prod", "--yes", expect=4)["results"]
    assert "`ConfigMap/" in held["error"]["message"]
