"""Migrations as Jobs on real API servers, with the real engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.failpoints import NAMES
from fleet.model.objects import ObjectRef
from fleet.model.reconcile import Action, Run
from tests.helpers.reconciling import outcomes
from tests.integration.reconcile.world import RealWorld

Make = Callable[..., RealWorld]
POINTS = sorted(name for name in NAMES if name.startswith("migration."))


def reconcile(world: RealWorld) -> Run:
    return world.execute(world.plan(), timeout=240)  # a busy machine is no failure


def job(world: RealWorld, cluster: str, name: str) -> Any:
    return world.reader(cluster).get(ObjectRef("batch/v1", "Job", world.namespace("web"), name))


def notes(world: RealWorld, cluster: str) -> Any:
    ref = ObjectRef("v1", "ConfigMap", world.namespace("web"), "fleet-migrations-web")
    return world.reader(cluster).get(ref)["data"]


def test_migrations_run_once_around_the_objects_of_a_release(real_world: Make) -> None:
    world = real_world()
    one, two = world.fleet.clusters
    world.migrate("orders-1", "orders-2")  # the namespace is not there yet
    assert set(outcomes(reconcile(world)).values()) == {"applied"}
    assert notes(world, two) == {"orders-1": "orders 2.0.0", "orders-2": "orders 2.0.0"}
    assert [item.action for item in world.plan().plan.targets] == [Action.SKIP] * 2
    before = {name: job(world, one, name)["metadata"]["uid"] for name in ("orders-1", "orders-2")}
    deployed = world.reader(one).get(ObjectRef("apps/v1", "Deployment", world.namespace("web"), "web"))
    expand, contract = (job(world, one, name)["metadata"]["creationTimestamp"] for name in before)
    assert expand <= deployed["metadata"]["creationTimestamp"] <= contract
    world.version["web"] = "1.1.0"
    world.migrate("orders-1", "orders-2", "orders-3")
    assert set(outcomes(reconcile(world)).values()) == {"applied"}
    assert {name: job(world, one, name)["metadata"]["uid"] for name in before} == before
    assert set(notes(world, one)) == {"orders-1", "orders-2", "orders-3"}


def test_a_migration_that_the_server_refuses_applies_nothing_and_stops_the_next_wave(real_world: Make) -> None:
    world = real_world()
    one, two = world.fleet.clusters
    reconcile(world)
    world.version["web"] = "1.1.0"
    world.migrate("orders-1")
    spec = world.migrations["web"][0].job["spec"]["template"]["spec"]
    spec["restartPolicy"] = "Always"  # no Job may have this
    run = reconcile(world)
    assert set(outcomes(run).values()) == {"failed", "blocked"}
    deployed = world.reader(one).get(ObjectRef("apps/v1", "Deployment", world.namespace("web"), "web"))
    assert deployed["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.0.0")
    spec["restartPolicy"] = "Never"
    assert set(outcomes(reconcile(world)).values()) == {"applied"}
    assert job(world, two, "orders-1") is not None


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_a_migration_is_made_good_and_nothing_runs_twice(real_world: Make, point: str) -> None:
    world = real_world()
    one, two = world.fleet.clusters
    reconcile(world)
    program = [sys.executable, "-m", "tests.integration.reconcile.world", str(world.directory), str(world.kubeconfig)]
    command = [*program, str(world.pulumi), world.prefix, "2"]
    environment = {
        **os.environ,
        "FLEET_TEST_CONTEXTS": f"{one},{two}",
        "FLEET_TEST_MIGRATIONS": "orders-1,orders-2",
    }
    options: dict[str, Any] = {"cwd": Path(__file__).parents[3], "capture_output": True, "text": True, "check": False}
    killed = subprocess.run(command, env={**environment, "FLEET_FAILPOINT": point}, **options)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    started = job(world, one, "orders-1")
    again = subprocess.run(command, env=environment, **options)
    assert again.returncode == 0, again.stderr
    for cluster in (one, two):
        assert notes(world, cluster) == {"orders-1": "orders 2.0.0", "orders-2": "orders 2.0.0"}
    if started is not None:
        assert job(world, one, "orders-1")["metadata"]["uid"] == started["metadata"]["uid"]
    world.replicas = 2
    world.migrate("orders-1", "orders-2")
    assert set(outcomes(reconcile(world)).values()) == {"unchanged"}
