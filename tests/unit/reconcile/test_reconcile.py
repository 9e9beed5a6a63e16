from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from fleet.engine.selection import Selection
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.reconcile import Action, Outcome
from fleet.operations.common.stopping import Stop
from tests.helpers.reconciling import World, config_map, job, make_fleet, outcomes, secret

Worlds = Callable[..., World]
PROD = {"prod": [["eu"], ["us"]]}


def test_a_first_run_applies_everything_and_a_second_one_nothing(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]], **PROD})
    first = world.reconcile()
    assert set(outcomes(first).values()) == {"applied"}
    assert [r.reason for r in first.results] == ["new"] * 3
    assert all(r.health and r.health.exact and r.health.status is HealthStatus.HEALTHY for r in first.results)
    second = world.reconcile()
    assert set(outcomes(second).values()) == {"unchanged"}
    assert len(world.deployer.order) == 3
    assert second.ok


def test_a_new_release_goes_through_the_waves_in_order(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu-1", "eu-2"], ["us"]]})
    world.reconcile()
    world.deployer.order.clear()
    world.version["web"] = "1.1.0"
    run = world.reconcile()
    assert {r.reason for r in run.results} == {"release 1.0.0 → 1.1.0"}
    assert world.deployer.order[-1].cluster == "us"
    assert run.ok


def test_a_wave_that_does_not_become_healthy_holds_the_next_one_of_that_app_only(worlds: Worlds) -> None:
    world = worlds(PROD, apps=["api", "web"])
    world.clusters["eu"].unready.add("web")
    run = world.reconcile()
    assert outcomes(run) == {
        "api/prod/eu": "applied",
        "web/prod/eu": "failed",
        "api/prod/us": "applied",
        "web/prod/us": "blocked",
    }
    failed, blocked = run.having(Outcome.FAILED)[0], run.having(Outcome.BLOCKED)[0]
    assert failed.reason.startswith("not healthy after 0.3s: `Deployment/web/web`")
    assert failed.hint and "kubectl describe deployment web -n web" in failed.hint
    assert "wave `w0` is not healthy at this release on `eu`" in blocked.reason
    assert Target("web", "prod", "us") not in world.deployer.order


def test_the_next_run_waits_for_what_is_applied_and_not_healthy_then_goes_on(worlds: Worlds) -> None:
    world = worlds(PROD)
    world.clusters["eu"].unready.add("web")
    world.reconcile()
    plan = world.plan()
    assert [t.action for t in plan.plan.targets] == [Action.AWAIT, Action.APPLY]
    world.clusters["eu"].heal("web")
    run = world.execute(plan)
    assert outcomes(run) == {"web/prod/eu": "unchanged", "web/prod/us": "applied"}


def test_health_is_awaited_while_it_is_on_its_way(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]})
    world.clusters["dev"].unready.add("web")
    plan = world.plan()
    world.deployer.on_deploy = lambda _: Thread(target=world.clusters["dev"].heal, args=["web"]).start()
    run = world.execute(plan, timeout=30)
    assert outcomes(run) == {"web/dev/dev": "applied"}


def test_a_job_that_its_ttl_removed_is_not_made_again_and_holds_nothing(worlds: Worlds) -> None:
    world = worlds(PROD)
    migrate = job("web", "migrate")
    world.extra["web"] = [migrate]
    for name in ("eu", "us"):  # done and removed at once
        world.clusters[name].removed_at_once.add("migrate")
    first = world.reconcile()
    assert set(outcomes(first).values()) == {"applied"}
    assert all(r.health and r.health.exact for r in first.results)
    plan = world.plan()
    assert [(t.action, t.reason) for t in plan.plan.targets] == [(Action.SKIP, "up to date")] * 2
    world.clusters["eu"].edit("Deployment", "web", replicas=3)
    again = world.reconcile()
    assert outcomes(again) == {"web/prod/eu": "applied", "web/prod/us": "unchanged"}
    assert again.results[0].reason == "1 object drifted"


def test_waves_that_were_not_selected_still_hold(worlds: Worlds) -> None:
    world = worlds(PROD)
    run = world.reconcile(selection=Selection(clusters=("us",)))
    assert outcomes(run) == {"web/prod/us": "blocked"}
    world.reconcile(selection=Selection(clusters=("eu",)))
    assert outcomes(world.reconcile(selection=Selection(clusters=("us",)))) == {"web/prod/us": "applied"}


def test_an_app_that_cannot_be_rendered_fails_only_itself(worlds: Worlds) -> None:
    world = worlds(PROD, apps=["api", "web"])
    world.broken.add("api")
    run = world.reconcile()
    assert outcomes(run) == {
        "api/prod/eu": "invalid",
        "web/prod/eu": "applied",
        "api/prod/us": "invalid",
        "web/prod/us": "applied",
    }
    assert run.having(Outcome.INVALID)[0].problems


def test_an_app_that_the_server_refuses_fails_only_itself(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]}, apps=["api", "web"])
    world.deployer.refuse.add("api")
    run = world.reconcile()
    assert outcomes(run) == {"api/dev/dev": "failed", "web/dev/dev": "applied"}
    (failed,) = run.having(Outcome.FAILED)
    assert "refused" in failed.reason
    assert failed.hint == "see what it would change: `fleet diff -e dev -c dev -a api`"


def test_an_unreachable_cluster_fails_only_its_own_targets(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]], "prod": [["eu", "us"]]})
    world.clusters["eu"].unreachable = True
    run = world.reconcile()
    assert outcomes(run) == {"web/dev/dev": "applied", "web/prod/eu": "unreachable", "web/prod/us": "applied"}
    (lost,) = run.having(Outcome.UNREACHABLE)
    assert lost.hint == "when the cluster is back: `fleet reconcile -c eu`"
    world.clusters["eu"].unreachable = False
    assert outcomes(world.reconcile())["web/prod/eu"] == "applied"


def test_a_cluster_that_goes_away_during_the_run_is_asked_once(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]}, apps=["a", "b", "c"])
    plan = world.plan()
    world.clusters["dev"].unreachable = True
    run = world.execute(plan, parallelism=1)
    assert set(outcomes(run).values()) == {"unreachable"}
    assert len(world.deployer.order) == 1


def test_drift_is_corrected_without_waiting_for_waves(worlds: Worlds) -> None:
    world = worlds(PROD)
    world.reconcile()
    world.clusters["us"].edit("Deployment", "web", replicas=5)
    world.clusters["eu"].unready.add("web")
    plan = world.plan()
    assert [(t.action, t.reason) for t in plan.plan.targets][1] == (Action.APPLY, "1 object drifted")
    run = world.execute(plan)
    assert outcomes(run)["web/prod/us"] == "applied"
    live = world.clusters["us"].list("apps/v1", "Deployment")
    assert [d["spec"]["replicas"] for d in live] == [1]


def test_a_deleted_object_is_made_again(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]})
    world.reconcile()
    world.clusters["dev"].objects.clear()
    run = world.reconcile()
    assert [r.reason for r in run.results] == ["1 object missing"]
    assert world.clusters["dev"].list("apps/v1", "Deployment")


def test_without_the_drift_check_unchanged_targets_are_not_looked_at(worlds: Worlds) -> None:
    world = worlds(PROD)
    world.reconcile()
    for name in ("eu", "us"):
        world.clusters[name].unreachable = True
    run = world.reconcile(drift_check=False)
    assert set(outcomes(run).values()) == {"unchanged"}


def test_without_the_drift_check_waves_still_rely_on_what_is_live(worlds: Worlds) -> None:
    world = worlds(PROD)
    world.version["web"] = "2.0.0"
    world.reconcile(selection=Selection(clusters=("eu",)))
    world.clusters["eu"].edit("Deployment", "web", replicas=2)
    world.clusters["eu"].unready.add("web")
    world.clusters["eu"].heal("nothing")
    for manifest in world.clusters["eu"].objects.values():
        manifest["status"] = {**manifest["status"], "readyReplicas": 0, "availableReplicas": 0}
    run = world.reconcile(drift_check=False, selection=Selection(clusters=("us",)))
    assert outcomes(run) == {"web/prod/us": "blocked"}


def test_objects_that_are_not_desired_any_more_are_pruned_and_foreign_ones_are_not(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]})
    world.extra["web"] = [config_map("web", "old", a="1")]
    world.reconcile()
    world.clusters["dev"].apply(config_map("web", "foreign", a="1"), manager="kubectl")
    world.extra["web"] = []
    run = world.reconcile()
    assert run.ok
    assert [m["metadata"]["name"] for m in world.clusters["dev"].list("v1", "ConfigMap")] == ["foreign"]


def test_nothing_is_deleted_where_that_was_forbidden(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]})
    world.extra["web"] = [config_map("web", "old", a="1")]
    world.reconcile()
    world.extra["web"] = []
    run = world.reconcile(keep_objects=True)
    assert outcomes(run) == {"web/dev/dev": "blocked"}
    assert "would delete 1 object" in run.results[0].reason


def test_a_target_that_is_not_declared_any_more_is_only_listed_unless_removal_is_wanted(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]}, apps=["api", "web"])
    world.reconcile()
    world.fleet = make_fleet({"dev": [["dev"]]}, ["web"])
    listed = world.plan().plan.targets[-1]
    assert (listed.action, listed.hint) == (Action.LEAVE, "remove them with `fleet reconcile -a api -c dev --prune`")
    run = world.reconcile(remove=True)
    assert outcomes(run) == {"web/dev/dev": "unchanged", "api/dev/dev": "removed"}
    assert [m["metadata"]["name"] for m in world.clusters["dev"].list("apps/v1", "Deployment")] == ["web"]
    assert outcomes(world.reconcile(remove=True)) == {"web/dev/dev": "unchanged"}


def test_objects_on_a_cluster_that_left_the_fleet_are_left_alone(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev", "old"]]})
    world.reconcile()
    world.fleet = make_fleet({"dev": [["dev"]]})
    (left,) = world.plan(remove=True).plan.having(Action.LEAVE)
    assert "not declared any more" in left.reason
    assert world.clusters["old"].list("apps/v1", "Deployment")


def test_a_lease_that_somebody_holds_blocks_only_that_target(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]}, apps=["api", "web"])
    with world.store.lease(Target("api", "dev", "dev"), "Grace in run 1"):
        run = world.reconcile()
    assert outcomes(run) == {"api/dev/dev": "blocked", "web/dev/dev": "applied"}
    assert "Grace in run 1" in run.having(Outcome.BLOCKED)[0].reason
    assert run.ok is False


def test_fail_fast_starts_nothing_more_after_a_failure(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]}, apps=["a", "b", "c"])
    world.deployer.refuse.add("a")
    run = world.execute(world.plan(), fail_fast=True, parallelism=1)
    assert outcomes(run) == {"a/dev/dev": "failed", "b/dev/dev": "blocked", "c/dev/dev": "blocked"}
    assert len(world.deployer.order) == 1


def test_no_more_targets_run_together_than_parallelism_allows(worlds: Worlds) -> None:
    world = worlds({"dev": [[f"c{n}" for n in range(8)]]})
    world.execute(world.plan(), parallelism=3)
    assert 1 <= world.deployer.together <= 3


def test_a_wave_changes_no_more_clusters_at_once_than_it_says(worlds: Worlds) -> None:
    world = worlds({"dev": [[f"c{n}" for n in range(6)]]}, limits={"w0": 1})
    world.execute(world.plan(), parallelism=4)
    assert world.deployer.together == 1


def test_a_wish_to_stop_finishes_what_runs_and_says_what_is_left(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]}, apps=["a", "b", "c"])
    stop = Stop()
    world.deployer.on_deploy = lambda _: stop.request()
    run = world.execute(world.plan(), stop=stop, parallelism=1)
    assert run.interrupted
    assert outcomes(run) == {"a/dev/dev": "applied", "b/dev/dev": "blocked", "c/dev/dev": "blocked"}
    with world.store.lease(Target("a", "dev", "dev"), "somebody else"):
        pass  # the lease was given back


def test_a_wish_to_stop_does_not_wait_for_health_and_the_next_run_does(worlds: Worlds) -> None:
    world = worlds(PROD)
    world.clusters["eu"].unready.add("web")
    stop = Stop()
    world.deployer.on_deploy = lambda _: stop.request()
    run = world.execute(world.plan(), stop=stop, timeout=30)
    assert outcomes(run) == {"web/prod/eu": "applied", "web/prod/us": "blocked"}
    assert run.results[0].reason.startswith("interrupted before it was healthy")
    assert [t.action for t in world.plan().plan.targets] == [Action.AWAIT, Action.APPLY]


def test_a_lost_store_converges_by_applying_again_without_a_change(worlds: Worlds) -> None:
    world = worlds(PROD)
    world.reconcile()
    for target in world.fleet.targets():
        with world.store.lease(target, "test") as lease:
            world.store.forget(target, lease.fence)
    run = world.reconcile()
    assert set(outcomes(run).values()) == {"unchanged"}
    assert set(world.store.digests()) == set(world.fleet.targets())


def test_an_apply_from_another_clone_is_not_taken_for_drift(worlds: Worlds) -> None:
    here, there = worlds({"dev": [["dev"]]}), worlds({"dev": [["dev"]]})
    there.clusters = there.deployer.clusters = here.clusters
    here.version["web"] = there.version["web"] = "1.0.0"
    here.reconcile()
    there.version["web"] = here.version["web"] = "2.0.0"
    assert there.reconcile().ok
    plan = here.plan()
    assert [t.reason for t in plan.plan.targets] == ["release 1.0.0 → 2.0.0"]
    assert here.execute(plan).ok


def test_secret_values_reach_neither_the_store_nor_the_result(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]})
    world.extra["web"] = [secret("web", "token", password="Y2FuYXJ5LXNlY3JldA==")]
    run = world.reconcile()
    recorded = world.store.recorded([Target("web", "dev", "dev")])
    text = str(next(iter(recorded.values())).objects) + run.model_dump_json()
    assert "Y2FuYXJ5LXNlY3JldA==" not in text
    assert world.reconcile().having(Outcome.UNCHANGED)


def test_the_run_is_saved_with_who_and_revision(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]]})
    run = world.reconcile()
    (saved,) = world.store.runs()
    assert saved == run
    assert (saved.by, saved.revision) == ("Ada <ada@example.com>", world.fleet.revision)


def test_the_plan_does_not_depend_on_the_order_of_targets_or_answers(worlds: Worlds) -> None:
    world = worlds(PROD, apps=["api", "web"])
    assert world.plan().plan == world.plan().plan
