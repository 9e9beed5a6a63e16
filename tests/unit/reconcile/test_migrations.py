"""Migrations of database schemas while targets are reconciled: clusters and engine are in memory."""

from __future__ import annotations

from collections.abc import Callable

from fleet.engine.migrations import phases
from fleet.engine.objects import owner_of
from fleet.model.reconcile import Action
from tests.fakes.cluster import FakeCluster
from tests.helpers.reconciling import World, migration, outcomes

Worlds = Callable[..., World]
PROD = {"prod": [["eu"], ["us"]]}


def writes(cluster: FakeCluster) -> list[str]:
    """Return what was written to a cluster since the last time, in order and in short; notes are left out."""
    found = [f"{verb} {ref.split('/')[0]} {ref.split('/')[-1]}" for verb, ref in cluster.log]
    cluster.log.clear()
    return [line for line in found if "fleet-migrations" not in line]


def migrating(worlds: Worlds, **conditions: str) -> World:
    """Return a world whose web has gone through a first migration, and has two more to come."""
    world = worlds(PROD)
    for name in ("eu", "us"):
        done = {"orders-1": "Complete", "orders-2": "Complete", "orders-3": "Complete"}
        world.clusters[name].jobs |= done | {k.replace("_", "-"): v for k, v in conditions.items()}
    world.migrations["web"] = [migration("web", "orders-1", version="1.0.0")]
    assert world.reconcile().ok
    for name in ("eu", "us"):
        assert writes(world.clusters[name]) == ["apply Job orders-1", "apply Deployment web"]
    world.version["web"] = "1.1.0"
    world.migrations["web"] += [migration("web", "orders-2"), migration("web", "orders-3", "contract", "3.0.0")]
    return world


def test_expand_runs_before_the_objects_and_contract_after_them_each_once(worlds: Worlds) -> None:
    world = migrating(worlds)
    assert world.reconcile().ok
    for name in ("eu", "us"):
        assert writes(world.clusters[name]) == ["apply Job orders-2", "apply Deployment web", "apply Job orders-3"]
    assert [item.action for item in world.plan().plan.targets] == [Action.SKIP] * 2


def test_nothing_runs_again_with_the_next_release_or_after_a_rollback(worlds: Worlds) -> None:
    world = migrating(worlds)
    world.reconcile()
    for version in ("1.2.0", "1.0.0"):
        for name in ("eu", "us"):
            world.clusters[name].log.clear()
        world.version["web"] = version
        assert world.reconcile().ok
        assert writes(world.clusters["eu"]) == ["apply Deployment web"]


def test_jobs_that_somebody_tidied_up_do_not_run_again(worlds: Worlds) -> None:
    world = migrating(worlds)
    world.reconcile()
    for cluster in (world.clusters["eu"], world.clusters["us"]):
        cluster.objects = {k: o for k, o in cluster.objects.items() if o["kind"] != "Job"}
        cluster.log.clear()
    world.clusters["eu"].edit("Deployment", "web", replicas=3)
    assert world.reconcile().ok  # drift
    world.version["web"] = "1.2.0"
    assert world.reconcile().ok
    assert {line for line in writes(world.clusters["eu"])} == {"apply Deployment web"}


def test_a_failed_expand_applies_nothing_and_stops_the_wave_and_the_next_run_tries_again(worlds: Worlds) -> None:
    world = migrating(worlds, orders_2="Failed")
    run = world.reconcile()
    assert outcomes(run) == {"web/prod/eu": "failed", "web/prod/us": "blocked"}
    failed = run.results[0]
    assert failed.reason.startswith(
        "migration `orders-2` (expand: schema `orders` 2.0.0): `Job/web/orders-2` has failed"
    )
    assert failed.hint and "kubectl logs job/orders-2 -n web" in failed.hint
    assert writes(world.clusters["eu"]) == ["apply Job orders-2"]
    assert writes(world.clusters["us"]) == []
    for name in ("eu", "us"):
        world.clusters[name].jobs["orders-2"] = "Complete"
    assert world.reconcile().ok
    assert writes(world.clusters["eu"]) == [
        "delete Job orders-2",
        "apply Job orders-2",
        "apply Deployment web",
        "apply Job orders-3",
    ]


def test_a_failed_contract_is_tried_again_though_the_objects_are_healthy(worlds: Worlds) -> None:
    world = migrating(worlds, orders_3="Failed")
    assert outcomes(world.reconcile()) == {"web/prod/eu": "failed", "web/prod/us": "blocked"}
    (first, _) = world.plan().plan.targets
    assert (first.action, first.reason) == (Action.APPLY, "the last apply did not finish")
    for name in ("eu", "us"):
        world.clusters[name].jobs["orders-3"] = "Complete"
    assert world.reconcile().ok


def test_contract_waits_for_health(worlds: Worlds) -> None:
    world = migrating(worlds)
    world.clusters["eu"].unready.add("web")
    assert not world.reconcile().ok
    assert writes(world.clusters["eu"]) == ["apply Job orders-2", "apply Deployment web"]
    world.clusters["eu"].heal("web")
    assert world.reconcile().ok
    assert "apply Job orders-3" in writes(world.clusters["eu"])


def test_a_job_that_does_not_end_in_time_fails_the_target_and_is_not_cut_short(worlds: Worlds) -> None:
    world = migrating(worlds)
    del world.clusters["eu"].jobs["orders-2"]
    run = world.reconcile()
    assert "not done in time" in run.results[0].reason
    assert not world.reconcile().ok
    assert "delete Job orders-2" not in writes(world.clusters["eu"])


def test_a_new_cluster_runs_the_whole_past_in_order_after_what_jobs_need(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"]]})
    world.clusters["eu"].jobs |= {f"orders-{n}": "Complete" for n in range(1, 5)}
    world.extra["web"] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "migrator", "namespace": "web"}}
    ]
    world.migrations["web"] = [
        migration("web", "orders-1"),
        migration("web", "orders-2", "contract"),
        migration("web", "orders-3"),
        migration("web", "orders-4", "contract"),
    ]
    assert world.reconcile().ok
    assert writes(world.clusters["eu"]) == [
        "apply ServiceAccount migrator",
        "apply Job orders-1",
        "apply Job orders-2",
        "apply Job orders-3",
        "apply Deployment web",
        "apply ServiceAccount migrator",
        "apply Job orders-4",
    ]


def test_a_prune_takes_no_migration_away(worlds: Worlds) -> None:
    world = migrating(worlds)
    world.reconcile()
    world.migrations["web"] = []
    world.version["web"] = "1.2.0"
    assert world.reconcile().ok
    kinds = {(o["kind"], o["metadata"]["name"]) for o in world.clusters["eu"].objects.values()}
    assert ("Job", "orders-3") in kinds
    assert ("ConfigMap", "fleet-migrations-web") in kinds
    beside = [o for o in world.clusters["eu"].objects.values() if o["kind"] in ("Job", "ConfigMap")]
    assert [o for o in beside if owner_of(o, "shop") is not None] == []  # owned and not desired would be pruned


def test_a_job_that_was_done_when_the_run_died_is_noted_by_the_next_one(worlds: Worlds) -> None:
    world = migrating(worlds)
    cluster = world.clusters["eu"]
    cluster.apply(migration("web", "orders-2").job, manager="fleet")
    cluster.log.clear()
    assert world.reconcile().ok
    assert "apply Job orders-2" not in writes(cluster)
    (notes,) = [o for o in cluster.objects.values() if o["metadata"]["name"] == "fleet-migrations-web"]
    assert set(notes["data"]) == {"orders-1", "orders-2", "orders-3"}


def test_phases_keep_the_order_and_leave_out_what_is_done() -> None:
    steps = [migration("web", f"m{n}", phase) for n, phase in enumerate(["expand", "contract", "expand", "contract"])]
    first, later = phases(steps, {"m0"})
    assert ([m.name for m in first], [m.name for m in later]) == (["m1", "m2"], ["m3"])
    assert phases(steps, {"m0", "m1", "m2", "m3"}) == ((), ())
    assert [m.name for m in phases(steps, {"m0", "m2"})[1]] == ["m1", "m3"]
