"""One test per rule, on objects as API servers return them."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.health import object_health, target_health
from fleet.model.health import HealthStatus
from fleet.model.objects import DIGEST_ANNOTATION, Manifest, ObjectRef
from tests.helpers.reconciling import job

HEALTHY, PROGRESSING, FAILED = HealthStatus.HEALTHY, HealthStatus.PROGRESSING, HealthStatus.FAILED


def live(
    kind: str,
    status: Any = None,
    *,
    api: str = "v1",
    spec: Any = None,
    generation: int | None = None,
    annotations: dict[str, str] | None = None,
    deleted: bool = False,
) -> Manifest:
    metadata: dict[str, Any] = {"name": "x", "namespace": "app", "uid": "u", "resourceVersion": "5"}
    if generation is not None:
        metadata["generation"] = generation
    if annotations:
        metadata["annotations"] = annotations
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found: dict[str, Any] = {"apiVersion": api, "kind": kind, "metadata": metadata}
    if spec is not None:
        found["spec"] = spec
    if status is not None:
        found["status"] = status
    return found


def judge(manifest: Manifest) -> tuple[HealthStatus, str]:
    health = object_health(manifest, ObjectRef.of(manifest))
    return health.status, health.reason


def condition(type_: str, status: str, reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, "message": message, **more}


PROGRESSED = condition("Progressing", "True", "NewReplicaSetAvailable")
AVAILABLE = condition("Available", "True", "MinimumReplicasAvailable")
DONE = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


def deployment(status: dict[str, Any], **spec: Any) -> Manifest:
    conditions = {"conditions": [PROGRESSED, AVAILABLE], "observedGeneration": 3}
    return live(
        "Deployment",
        {**conditions, **status},
        api="apps/v1",
        spec={"replicas": 2, "progressDeadlineSeconds": 600, **spec},
        generation=3,
    )


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (deployment(DONE), HEALTHY, ""),
        (deployment({}, replicas=0), HEALTHY, ""),
        (deployment({**DONE, "updatedReplicas": 1}), PROGRESSING, "has 1 of 2 replicas updated"),
        (
            deployment({**DONE, "updatedReplicas": 1}, paused=True),
            PROGRESSING,
            "has 1 of 2 replicas updated (it is paused)",
        ),
        (deployment({**DONE, "replicas": 3}), PROGRESSING, "still ends 1 replica too many"),
        (deployment({**DONE, "availableReplicas": 1}), PROGRESSING, "has 1 of 2 replicas ready"),
        (deployment({**DONE, "readyReplicas": 0}), PROGRESSING, "has 0 of 2 replicas ready"),
        (
            deployment({**DONE, "conditions": [condition("Progressing", "True", "ReplicaSetUpdated"), AVAILABLE]}),
            PROGRESSING,
            "waits for its new replicas",
        ),
        (
            deployment({**DONE, "conditions": [AVAILABLE]}, progressDeadlineSeconds=2**31 - 1),
            HEALTHY,
            "",
        ),
        (
            deployment({**DONE, "conditions": [PROGRESSED, condition("Available", "False")]}),
            PROGRESSING,
            "is not available yet",
        ),
        (
            deployment(
                {
                    **DONE,
                    "updatedReplicas": 1,
                    "conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")],
                }
            ),
            FAILED,
            "did not progress before its deadline",
        ),
        (
            deployment(
                {"replicas": 0, "conditions": [condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")]}
            ),
            PROGRESSING,
            "has 0 of 2 replicas updated: exceeded quota",
        ),
        (
            deployment({**DONE, "observedGeneration": 2}),
            PROGRESSING,
            "has a change that its controller has not seen yet",
        ),
        (
            live("Deployment", {}, api="apps/v1", spec={"replicas": 0}, generation=1),
            PROGRESSING,
            "has not been seen by its controller yet",
        ),
    ],
)
def test_deployment(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


def stateful(status: dict[str, Any], **spec: Any) -> Manifest:
    seen = {"observedGeneration": 1, "currentRevision": "a", "updateRevision": "a", "replicas": 3}
    return live(
        "StatefulSet",
        {**seen, "readyReplicas": 3, "updatedReplicas": 3, "currentReplicas": 3, **status},
        api="apps/v1",
        spec={"replicas": 3, **spec},
        generation=1,
    )


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (stateful({}), HEALTHY, ""),
        (stateful({"readyReplicas": 1}), PROGRESSING, "has 1 of 3 replicas ready"),
        (stateful({"replicas": 4}), PROGRESSING, "still ends 1 replica too many"),
        (stateful({"updateRevision": "b", "updatedReplicas": 1}), PROGRESSING, "has 1 of 3 replicas updated"),
        (stateful({"currentReplicas": 2}), PROGRESSING, "has 2 of 3 replicas updated"),
        (stateful({"updateRevision": "b"}, updateStrategy={"type": "OnDelete"}), HEALTHY, ""),
        (
            stateful({"updateRevision": "b", "updatedReplicas": 1}, updateStrategy={"rollingUpdate": {"partition": 2}}),
            HEALTHY,
            "",
        ),
        (
            stateful({"updateRevision": "b", "updatedReplicas": 0}, updateStrategy={"rollingUpdate": {"partition": 2}}),
            PROGRESSING,
            "has 0 of 1 replicas updated",
        ),
        (
            # The API server fills in partition 0: that is no partition.
            stateful({"updateRevision": "b", "updatedReplicas": 3}, updateStrategy={"rollingUpdate": {"partition": 0}}),
            PROGRESSING,
            "is about to finish its update",
        ),
    ],
)
def test_stateful_set(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


def daemon(status: dict[str, Any], **spec: Any) -> Manifest:
    done = {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2}
    base = {"observedGeneration": 1, **done, "numberAvailable": 2, "numberReady": 2}
    return live("DaemonSet", {**base, **status}, api="apps/v1", spec=spec, generation=1)


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (daemon({}), HEALTHY, ""),
        (daemon({"desiredNumberScheduled": 0}), HEALTHY, ""),
        (daemon({"desiredNumberScheduled": None}), PROGRESSING, "has not been seen by its controller yet"),
        (daemon({"updatedNumberScheduled": 1}), PROGRESSING, "has 1 of 2 pods updated"),
        (daemon({"updatedNumberScheduled": 0}, updateStrategy={"type": "OnDelete"}), HEALTHY, ""),
        (daemon({"numberAvailable": 1}), PROGRESSING, "has 1 of 2 pods ready"),
        (daemon({"numberReady": 0}), PROGRESSING, "has 0 of 2 pods ready"),
    ],
)
def test_daemon_set(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


def replica_set(status: dict[str, Any]) -> Manifest:
    done = {"replicas": 2, "fullyLabeledReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
    return live(
        "ReplicaSet", {"observedGeneration": 1, **done, **status}, api="apps/v1", spec={"replicas": 2}, generation=1
    )


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (replica_set({}), HEALTHY, ""),
        (replica_set({"readyReplicas": 1}), PROGRESSING, "has 1 of 2 replicas ready"),
        (replica_set({"replicas": 4}), PROGRESSING, "still ends 2 replicas too many"),
    ],
)
def test_replica_set(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (live("Job", {"conditions": [condition("Complete", "True")]}, api="batch/v1"), HEALTHY, ""),
        (live("Job", {"conditions": [condition("Suspended", "True")]}, api="batch/v1"), HEALTHY, ""),
        (
            live(
                "Job",
                {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", "too often.")]},
                api="batch/v1",
            ),
            FAILED,
            "has failed: too often",
        ),
        (live("Job", {}, api="batch/v1"), PROGRESSING, "has not started yet"),
        (
            live("Job", {"startTime": "t", "succeeded": 1}, api="batch/v1", spec={"completions": 3}),
            PROGRESSING,
            "has 1 of 3 completions",
        ),
        (live("CronJob", {}, api="batch/v1"), HEALTHY, ""),
    ],
)
def test_jobs(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


CRASHING = {"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}


@pytest.mark.parametrize(
    ("status", "verdict", "reason"),
    [
        ({"phase": "Succeeded"}, HEALTHY, ""),
        ({"phase": "Running", "conditions": [condition("Ready", "True")]}, HEALTHY, ""),
        ({"phase": "Running"}, PROGRESSING, "is not ready"),
        ({"phase": "Failed", "reason": "Evicted"}, FAILED, "has failed: Evicted"),
        (
            {"phase": "Running", "containerStatuses": [CRASHING]},
            FAILED,
            "has a container that crashes again and again: app",
        ),
        (
            {"phase": "Pending", "initContainerStatuses": [CRASHING]},
            FAILED,
            "has a container that crashes again and again: app",
        ),
        (
            {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", "no room")]},
            PROGRESSING,
            "cannot be scheduled: no room",
        ),
        ({"phase": "Pending"}, PROGRESSING, "has not started yet"),
        ({}, PROGRESSING, "has not started yet"),
    ],
)
def test_pod(status: Any, verdict: HealthStatus, reason: str) -> None:
    assert judge(live("Pod", status)) == (verdict, reason)


CRD = "apiextensions.k8s.io/v1"
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (live("PersistentVolumeClaim", {"phase": "Bound"}), HEALTHY, ""),
        (live("PersistentVolumeClaim", {"phase": "Pending"}), PROGRESSING, "is not bound to a volume yet"),
        (live("PersistentVolumeClaim", {"phase": "Lost"}), FAILED, "has lost its volume"),
        (live("PersistentVolume", {"phase": "Available"}), HEALTHY, ""),
        (live("PersistentVolume", {"phase": "Released"}), HEALTHY, ""),
        (live("PersistentVolume", {"phase": "Failed", "message": "gone"}), FAILED, "has failed: gone"),
        (live("PersistentVolume", {}), PROGRESSING, "is not available yet"),
        (live("Service", {"loadBalancer": {}}, spec={"type": "ClusterIP"}), HEALTHY, ""),
        (
            live("Service", {"loadBalancer": {}}, spec={"type": "LoadBalancer"}),
            PROGRESSING,
            "has no load balancer address yet",
        ),
        (live("Service", ADDRESS, spec={"type": "LoadBalancer"}), HEALTHY, ""),
        (live("Ingress", {"loadBalancer": {}}, api="networking.k8s.io/v1"), HEALTHY, ""),
        (live("Namespace", {"phase": "Active"}), HEALTHY, ""),
        (live("Namespace", {"phase": "Terminating"}), PROGRESSING, "is being deleted"),
        (live("Namespace"), PROGRESSING, "is not active yet"),
        (live("CustomResourceDefinition", {}, api=CRD), PROGRESSING, "is not established yet"),
        (live("CustomResourceDefinition", {"conditions": [condition("Established", "True")]}, api=CRD), HEALTHY, ""),
        (
            live(
                "CustomResourceDefinition", {"conditions": [condition("Established", "False", "Installing")]}, api=CRD
            ),
            PROGRESSING,
            "is not established yet",
        ),
        (
            live(
                "CustomResourceDefinition", {"conditions": [condition("Established", "False", "NotAccepted")]}, api=CRD
            ),
            FAILED,
            "could not be established: NotAccepted",
        ),
        (
            live(
                "CustomResourceDefinition", {"conditions": [condition("NamesAccepted", "False", "", "taken")]}, api=CRD
            ),
            FAILED,
            "has names that were not accepted: taken",
        ),
        (live("PodDisruptionBudget", {"observedGeneration": 1}, api="policy/v1", generation=1), HEALTHY, ""),
        (
            live("PodDisruptionBudget", {}, api="policy/v1", generation=1),
            PROGRESSING,
            "has not been seen by its controller yet",
        ),
        (live("HorizontalPodAutoscaler", {}, api="autoscaling/v2"), HEALTHY, ""),
        (
            live(
                "HorizontalPodAutoscaler",
                {"conditions": [condition("ScalingActive", "False", "FailedGetResourceMetric")]},
                api="autoscaling/v2",
            ),
            HEALTHY,
            "",
        ),
        (
            live(
                "HorizontalPodAutoscaler",
                {"conditions": [condition("AbleToScale", "False", "FailedGetScale", "no such deployment")]},
                api="autoscaling/v2",
            ),
            FAILED,
            "cannot scale its target: no such deployment",
        ),
        (live("ConfigMap"), HEALTHY, ""),
        (live("Secret"), HEALTHY, ""),
    ],
)
def test_other_kinds(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


def custom(status: Any, generation: int | None = 2) -> Manifest:
    return live("Widget", status, api="example.com/v1", generation=generation)


@pytest.mark.parametrize(
    ("manifest", "status", "reason"),
    [
        (custom(None), HEALTHY, ""),
        (custom({"observedGeneration": 1}), PROGRESSING, "has a change that its controller has not seen yet"),
        (custom({"observedGeneration": 2}), HEALTHY, ""),
        (custom({"conditions": [condition("Ready", "True")]}), HEALTHY, ""),
        (
            custom({"conditions": [condition("Ready", "False", "Nope", "not\n yet.")]}),
            PROGRESSING,
            "is not ready: not yet",
        ),
        (custom({"conditions": [condition("Ready", "Unknown")]}), PROGRESSING, "is not ready"),
        (
            custom({"conditions": [condition("Ready", "True", observedGeneration=1)]}),
            PROGRESSING,
            "has a change that its controller has not seen yet",
        ),
        (custom({"conditions": [condition("Stalled", "True", "", "broken")]}), FAILED, "is stalled: broken"),
        (custom({"conditions": [condition("Reconciling", "True")]}), PROGRESSING, "is being reconciled"),
        (custom({"conditions": "nonsense"}), HEALTHY, ""),
        (custom("nonsense"), HEALTHY, ""),
    ],
)
def test_custom_resources(manifest: Manifest, status: HealthStatus, reason: str) -> None:
    assert judge(manifest) == (status, reason)


def test_what_is_being_deleted_is_not_healthy() -> None:
    assert judge(live("ConfigMap", deleted=True)) == (PROGRESSING, "is being deleted")


def test_an_object_that_nobody_shall_wait_for_is_healthy_once_it_exists() -> None:
    manifest = live("Service", {}, spec={"type": "LoadBalancer"}, annotations={"pulumi.com/skipAwait": "true"})
    assert judge(manifest) == (HEALTHY, "")


def test_what_is_not_there_is_missing() -> None:
    assert object_health(None, ObjectRef("v1", "ConfigMap", "a", "b")).status is HealthStatus.MISSING


def marked(kind: str, name: str, digest: str | None, status: Any = None) -> Manifest:
    annotations = {DIGEST_ANNOTATION: digest} if digest else {}
    metadata = {"name": name, "namespace": "app", "annotations": annotations}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "status": status or {}}


def by_identity(*manifests: Manifest) -> dict[tuple[str, str, str, str], Manifest]:
    return {ObjectRef.of(m).identity: m for m in manifests}


def test_a_target_is_exact_when_every_object_has_the_digest_of_the_release() -> None:
    desired = [marked("ConfigMap", "a", "1"), marked("ConfigMap", "b", "2")]
    assert target_health(desired, by_identity(*desired)).exact
    older = target_health(desired, by_identity(desired[0], marked("ConfigMap", "b", "old")))
    assert (older.status, older.exact) == (HEALTHY, False)
    assert older.reason == "`ConfigMap/app/b` is not of this release"
    assert not target_health(desired, by_identity(desired[0])).exact
    assert not target_health([marked("ConfigMap", "a", None)], by_identity(marked("ConfigMap", "a", None))).exact


def test_the_worst_object_gives_the_reason() -> None:
    desired = [marked("ConfigMap", "a", "1"), marked("Pod", "p", "2"), marked("Pod", "q", "3")]
    present = by_identity(
        desired[0], marked("Pod", "p", "2", {"phase": "Pending"}), marked("Pod", "q", "3", {"phase": "Failed"})
    )
    health = target_health(desired, present)
    assert (health.status, health.exact) == (FAILED, True)
    assert health.reason == "`Pod/app/q` has failed"
    assert [o.status for o in health.objects] == [HEALTHY, PROGRESSING, FAILED]
    missing = target_health(desired, by_identity(desired[0]))
    assert missing.reason == "`Pod/app/p` is not there"


def test_an_api_version_that_moved_on_is_still_the_same_object() -> None:
    desired = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x", "namespace": "a"},
    }
    found = {**desired, "apiVersion": "autoscaling/v2"}
    assert target_health([desired], by_identity(found)).status is HEALTHY


def test_a_target_without_objects_is_healthy_and_exact() -> None:
    health = target_health([], {})
    assert (health.status, health.exact) == (HEALTHY, True)


def self_removing(name: str = "migrate", ttl: int | None = 0) -> Manifest:
    made = job("app", name, ttl)
    made["metadata"]["annotations"] = {DIGEST_ANNOTATION: "j"}
    return made


def test_a_job_that_its_ttl_removed_counts_as_done_if_the_release_was_applied() -> None:
    desired = [marked("ConfigMap", "a", "1"), self_removing()]
    present = by_identity(desired[0])
    for applied in (True, None):
        health = target_health(desired, present, applied=applied)
        assert (health.status, health.exact, health.reason) == (HEALTHY, True, "")
        assert health.objects[1].reason == "is done, and was removed"
    health = target_health(desired, present, applied=False)
    assert (health.status, health.exact) == (HealthStatus.MISSING, False)
    assert target_health([self_removing()], {}, applied=True).exact


@pytest.mark.parametrize(
    "desired",
    [
        pytest.param([self_removing()], id="nothing else that could tell"),
        pytest.param([marked("ConfigMap", "a", "2"), self_removing()], id="the rest is of another release"),
        pytest.param([marked("ConfigMap", "b", "1"), self_removing()], id="the rest is not there"),
        pytest.param([marked("ConfigMap", "a", "1"), self_removing(ttl=None)], id="it does not remove itself"),
    ],
)
def test_a_job_that_is_gone_proves_nothing_by_itself(desired: list[Manifest]) -> None:
    assert not target_health(desired, by_identity(marked("ConfigMap", "a", "1"))).exact


def test_a_job_with_a_ttl_that_is_there_has_to_be_complete() -> None:
    desired = [self_removing()]
    running = {**desired[0], "status": {"startTime": "2026-01-01T00:00:00Z"}}
    assert target_health(desired, by_identity(running), applied=True).status is PROGRESSING
    failed = {**desired[0], "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    assert target_health(desired, by_identity(failed), applied=True).status is FAILED
