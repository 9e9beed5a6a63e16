from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.engine.health import target_health
from fleet.engine.healthy_since import healthy_since
from fleet.model.objects import DIGEST_ANNOTATION, Manifest, ObjectRef

API = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "ConfigMap": "v1",
    "Pod": "v1",
    "Service": "v1",
    "PersistentVolumeClaim": "v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Certificate": "cert-manager.io/v1",
}


def at(minute: int) -> str:
    return f"2026-03-04T10:{minute:02d}:00Z"


def when(minute: int) -> datetime:
    return datetime(2026, 3, 4, 10, minute, tzinfo=UTC)


def entry(minute: int, manager: str = "fleet", fields: Any = None, **more: Any) -> dict[str, Any]:
    """Return an entry of `managedFields`; without fields, the one that wrote the digest."""
    own = {"f:metadata": {"f:annotations": {f"f:{DIGEST_ANNOTATION}": {}}}, "f:spec": {"f:replicas": {}}}
    return {
        "manager": manager,
        "operation": "Apply" if manager == "fleet" else "Update",
        "apiVersion": "apps/v1",
        "time": at(minute),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields or own,
        **more,
    }


def controller(minute: int) -> dict[str, Any]:
    return entry(minute, "kube-controller-manager", {"f:status": {"f:replicas": {}}}, subresource="status")


def live(kind: str, *entries: dict[str, Any], status: Any = None, created: int = 0, **more: Any) -> Manifest:
    """Return an object as an API server has it, with the digest `d`."""
    return {
        "apiVersion": API[kind],
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": "web",
            "generation": 1,
            "creationTimestamp": at(created),
            "annotations": {DIGEST_ANNOTATION: "d"},
            "managedFields": list(entries) or [entry(0)],
        },
        **({"status": status} if status is not None else {}),
        **more,
    }


def condition(type_: str, minute: int, **more: str) -> dict[str, str]:
    return {"type": type_, "status": "True", "lastTransitionTime": at(minute), **more}


def deployment(available: int, finished: int, *entries: dict[str, Any]) -> Manifest:
    progressing = condition("Progressing", 0, reason="NewReplicaSetAvailable", lastUpdateTime=at(finished))
    status = {
        "observedGeneration": 1,
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "conditions": [condition("Available", available, lastUpdateTime=at(59)), progressing],
    }
    return live("Deployment", *entries, status=status, spec={"replicas": 1, "progressDeadlineSeconds": 600})


def since(manifest: Manifest) -> datetime | None:
    return healthy_since(manifest, ObjectRef.of(manifest))


@pytest.mark.parametrize(
    ("manifest", "minute"),
    [
        (live("ConfigMap", created=3), 3),
        (live("ConfigMap", entry(5), created=3), 5),
        (live("ConfigMap", entry(5), entry(9, "kubectl", {"f:data": {"f:x": {}}})), 5),  # drift is no release
        (live("ConfigMap", entry(5), entry(9, "kustomize-controller")), 9),
        (deployment(7, 6, entry(1)), 7),  # a crash ended at 7
        (deployment(2, 6, entry(1)), 6),  # the roll-out ended at 6
        (deployment(2, 3, entry(8)), 8),
        (deployment(2, 3, entry(1), controller(30)), 3),  # a status that was written says nothing about health
        (live("StatefulSet", entry(1), controller(12), status={}), 12),
        (live("DaemonSet", entry(13), controller(12), status={}), 13),
        (live("PersistentVolumeClaim", controller(4), entry(1), status={"phase": "Bound"}), 4),
        (live("Service", entry(1), controller(4), spec={"type": "LoadBalancer"}), 4),
        (live("Service", entry(1), controller(4), spec={"type": "ClusterIP"}), 1),
        (live("Job", status={"conditions": [condition("SuccessCriteriaMet", 9), condition("Complete", 6)]}), 6),
        (live("Job", status={"conditions": [condition("Suspended", 6)]}), 6),
        (live("Pod", status={"phase": "Running", "conditions": [condition("Ready", 6)]}), 6),
        (live("CustomResourceDefinition", status={"conditions": [condition("Established", 2)]}), 2),
        (live("Certificate", status={"conditions": [condition("Ready", 8)]}), 8),
        (live("Certificate", status={"conditions": []}), 0),
    ],
)
def test_the_latest_of_what_made_it_so_counts(manifest: Manifest, minute: int) -> None:
    assert since(manifest) == when(minute)


def test_what_is_not_told_is_not_guessed() -> None:
    stripped = live("ConfigMap")
    del stripped["metadata"]["managedFields"]
    untimed = live("ConfigMap", {k: v for k, v in entry(1).items() if k != "time"})
    uncreated = live("ConfigMap")
    del uncreated["metadata"]["creationTimestamp"]
    nonsense = live("ConfigMap", entry(1, time="yesterday"))
    silent = live("StatefulSet", status={})
    unconditional = live("Deployment", status={"conditions": []})
    local = live("ConfigMap", entry(1, time="2026-03-04T10:00:00"))
    for manifest in (stripped, untimed, uncreated, nonsense, silent, unconditional, local):
        assert since(manifest) is None


def test_where_nobody_waits_for_health_only_its_application_counts() -> None:
    manifest = deployment(30, 40, entry(5))
    assert healthy_since(manifest, ObjectRef.of(manifest), awaited=False) == when(5)


def desired(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"]}}


def health_of(*manifests: Manifest) -> Any:
    found = {ObjectRef.of(m).identity: m for m in manifests}
    return target_health([desired(m) for m in manifests], found)


def test_a_target_is_as_young_as_its_youngest_object() -> None:
    assert health_of(live("ConfigMap", entry(5)), deployment(7, 6, entry(1))).since == when(7)


def test_a_target_that_is_not_healthy_or_another_release_has_no_time() -> None:
    slow = deployment(7, 6)
    slow["status"]["readyReplicas"] = 0
    assert health_of(live("ConfigMap"), slow).since is None
    config = live("ConfigMap")
    other = {**config, "metadata": {**config["metadata"], "annotations": {DIGEST_ANNOTATION: "e"}}}
    found = target_health([other], {ObjectRef.of(config).identity: config})
    assert (found.exact, found.since) == (False, None)


def test_one_object_that_does_not_tell_leaves_it_open() -> None:
    assert health_of(live("ConfigMap"), {**live("ConfigMap"), "kind": "Secret"}).since == when(0)
    untold = {**live("ConfigMap", {}), "kind": "Secret"}
    assert health_of(live("ConfigMap"), untold).since is None


def test_a_finished_job_that_removed_itself_does_not_matter() -> None:
    job = live("Job", spec={"ttlSecondsAfterFinished": 60})
    config = live("ConfigMap", entry(5))
    found = target_health([config, job], {ObjectRef.of(config).identity: config}, applied=True)
    assert found.since == when(5)
