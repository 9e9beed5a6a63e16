"""Reconcile on real API servers with the real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet.engine.drift import drift_of
from fleet.failpoints import NAMES
from fleet.model.declared import AccessSpec, ClusterSpec
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.operations.common.observe import observe
from tests.helpers.reconciling import CONCEAL, config_map, job, make_fleet, outcomes
from tests.integration.reconcile.world import RealWorld

Make = Callable[..., RealWorld]
TIMEOUT = 240.0  # a busy machine is no failure


def reconcile(world: RealWorld, **options: Any) -> Any:
    return world.execute(world.plan(**options), timeout=TIMEOUT)


def edit(world: RealWorld, cluster: str, manifest: Mapping[str, Any]) -> None:
    """Change an object as a person would, under another field manager."""
    world.reader(cluster).apply(manifest, manager="kubectl-edit", force=True)


def ref(world: RealWorld, kind: str, name: str) -> ObjectRef:
    api_version = "apps/v1" if kind == "Deployment" else "v1"
    return ObjectRef(api_version, kind, world.namespace("web"), name)


def drift_on(world: RealWorld, cluster: str) -> Any:
    target = Target("web", "prod", cluster)
    recorded = world.store.recorded([target])
    observation = observe(world.fleet, {}, clusters=world.kube, recorded=recorded)
    return drift_of(recorded[target], observation.live[target], CONCEAL, world.fleet.name).changes


def test_apply_then_nothing_then_drift_is_shown_with_its_author_and_corrected(real_world: Make) -> None:
    world = real_world()
    one, two = world.fleet.clusters
    first = reconcile(world)
    assert outcomes(first) == {f"web/prod/{one}": "applied", f"web/prod/{two}": "applied"}
    assert all(r.health and r.health.exact and r.health.status is HealthStatus.HEALTHY for r in first.results)
    assert drift_on(world, one).empty
    assert outcomes(reconcile(world)) == {f"web/prod/{one}": "unchanged", f"web/prod/{two}": "unchanged"}

    edited = config_map(world.namespace("web"), "settings", level="debug")
    edit(world, one, edited)
    (change,) = drift_on(world, one).objects
    (field,) = change.fields
    assert (field.path, field.old, field.new, field.manager) == ("data.level", "info", "debug", "kubectl-edit")
    assert field.time

    run = reconcile(world)
    assert outcomes(run) == {f"web/prod/{one}": "applied", f"web/prod/{two}": "unchanged"}
    assert run.results[0].reason == "1 object drifted"
    assert world.reader(one).get(ref(world, "ConfigMap", "settings"))["data"]["level"] == "info"
    assert drift_on(world, one).empty
    assert set(outcomes(reconcile(world)).values()) == {"unchanged"}


def test_what_controllers_and_the_server_do_is_no_drift(real_world: Make) -> None:
    world = real_world(replicas=2)
    reconcile(world)
    for cluster in world.fleet.clusters:
        assert drift_on(world, cluster).empty


def test_a_deleted_object_is_made_again(real_world: Make) -> None:
    world = real_world()
    reconcile(world)
    (one, _) = world.fleet.clusters
    assert world.reader(one).delete(ref(world, "Service", "web"), propagation="Background")
    run = reconcile(world)
    assert run.results[0].reason == "1 object missing"
    assert world.reader(one).get(ref(world, "Service", "web")) is not None


def test_a_job_that_its_ttl_removed_is_no_drift_and_is_not_made_again(real_world: Make) -> None:
    world = real_world()
    migrate = job(world.namespace("web"), "migrate", ttl=0)
    world.extra["web"] = [migrate]
    first = reconcile(world)
    assert first.ok, [r.reason for r in first.results]
    assert all(r.health and r.health.exact for r in first.results)
    for cluster in world.fleet.clusters:
        wait_until_gone(world, cluster, migrate)
        assert drift_on(world, cluster).empty
    again = reconcile(world)
    assert [r.outcome.value for r in again.results] == ["unchanged", "unchanged"]
    assert all(r.health and r.health.exact and r.health.status is HealthStatus.HEALTHY for r in again.results)
    (one, two) = world.fleet.clusters
    edit(world, one, config_map(world.namespace("web"), "settings", level="debug"))
    assert outcomes(reconcile(world)) == {f"web/prod/{one}": "applied", f"web/prod/{two}": "unchanged"}
    for cluster in (one, two):
        assert world.reader(cluster).get(ObjectRef.of(migrate)) is None


def wait_until_gone(world: RealWorld, cluster: str, manifest: Mapping[str, Any]) -> None:
    reader, wanted = world.reader(cluster), ObjectRef.of(manifest)
    for _ in range(24):
        if reader.get(wanted) is None:
            return
        # A deletion right before the watch begins shows at the next look.
        for event in reader.watch("batch/v1", "Job", labels={}, namespace=wanted.namespace, timeout=5):
            if event.type == "DELETED":
                break
    pytest.fail(f"`{wanted}` is still there")


def test_a_removed_object_is_pruned_and_foreign_ones_stay(real_world: Make) -> None:
    world = real_world()
    old = config_map(world.namespace("web"), "old", a="1")
    world.extra["web"] = [old]
    reconcile(world)
    (one, two) = world.fleet.clusters
    edit(world, one, config_map(world.namespace("web"), "foreign", a="1"))
    world.extra["web"] = []
    assert reconcile(world).ok
    for cluster in (one, two):
        assert world.reader(cluster).get(ref(world, "ConfigMap", "old")) is None
    assert world.reader(one).get(ref(world, "ConfigMap", "foreign")) is not None


def test_a_target_that_is_not_declared_any_more_is_removed_on_wish(real_world: Make) -> None:
    world = real_world()
    reconcile(world)
    clusters = world.fleet.clusters
    (one, two) = clusters
    fleet = make_fleet({"prod": [[one], [two]]}, [])
    world.fleet = type(fleet)(**{**vars(fleet), "clusters": clusters})
    run = reconcile(world, remove=True)
    assert set(outcomes(run).values()) == {"removed"}
    assert world.reader(one).get(ref(world, "ConfigMap", "settings")) is None
    assert world.deployer.stacks() == []


def test_a_broken_app_fails_only_itself(real_world: Make) -> None:
    world = real_world(apps=["api", "web"])
    (one, two) = world.fleet.clusters
    bad = config_map(world.namespace("api"), "bad", a="1")
    world.extra["api"] = [{**bad, "data": {"not": ["a", "string"]}}]
    run = reconcile(world)
    assert outcomes(run) == {
        f"api/prod/{one}": "failed",
        f"web/prod/{one}": "applied",
        f"api/prod/{two}": "blocked",
        f"web/prod/{two}": "applied",
    }
    world.extra["api"] = []
    assert reconcile(world).ok


def test_an_unreachable_cluster_fails_only_its_own_targets(real_world: Make) -> None:
    world = real_world()
    (one, two) = world.fleet.clusters
    broken = world.directory / "broken-kubeconfig"
    text = world.kubeconfig.read_text()
    import re

    broken.write_text(re.sub(r"server: \S+", "server: https://127.0.0.1:9", text))
    world.fleet = type(world.fleet)(
        **{
            **vars(world.fleet),
            "clusters": {
                one: world.fleet.clusters[one],
                two: ClusterSpec(access=AccessSpec(context=two, kubeconfig=str(broken))),
            },
        }
    )
    run = reconcile(world)
    assert outcomes(run) == {f"web/prod/{one}": "applied", f"web/prod/{two}": "unreachable"}


def test_no_secret_value_is_written_anywhere(real_world: Make) -> None:
    world = real_world()
    run = reconcile(world)
    assert "canary-secret" not in run.model_dump_json()
    needles = (b"canary-secret", b"Y2FuYXJ5LXNlY3JldA")
    for path in world.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(needle in content for needle in needles), path


POINTS = sorted(name for name in NAMES if name.startswith("reconcile."))


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_is_made_good_by_the_next_one(real_world: Make, point: str) -> None:
    world = real_world()
    (one, two) = world.fleet.clusters
    reconcile(world)
    command = [
        sys.executable,
        "-m",
        "tests.integration.reconcile.world",
        str(world.directory),
        str(world.kubeconfig),
        str(world.pulumi),
        world.prefix,
        "2",
    ]
    environment = {**os.environ, "FLEET_TEST_CONTEXTS": f"{one},{two}"}
    root = Path(__file__).parents[3]
    killed = subprocess.run(
        command, env={**environment, "FLEET_FAILPOINT": point}, cwd=root, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert set(json.loads(again.stdout).values()) <= {"applied", "unchanged"}
    for cluster in (one, two):
        assert world.reader(cluster).get(ref(world, "Deployment", "web"))["spec"]["replicas"] == 2
        assert drift_on(world, cluster).empty
    world.replicas = 2
    assert set(outcomes(reconcile(world)).values()) == {"unchanged"}
