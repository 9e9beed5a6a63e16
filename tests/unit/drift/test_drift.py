from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from fleet.engine.drift import drift_of, recorded_object
from fleet.model.change import MASK, ChangeKind
from fleet.model.names import Target
from fleet.model.objects import DIGEST_ANNOTATION, FLEET_LABEL, ObjectRef
from fleet.model.state import RecordedState
from tests.helpers.reconciling import CONCEAL, config_map, job, release, secret, state_of

TARGET = Target("web", "dev", "dev")
SET_AT = "2026-11-23T20:00:00Z"


def apply(manifest: dict[str, Any], **defaults: Any) -> tuple[RecordedState, dict[str, Any]]:
    """Return the record of an apply, and the live object with what the server and others added."""
    (owned,) = state_of(TARGET, "1.0.0", [manifest]).objects
    live = copy.deepcopy(dict(owned))
    live.update(defaults)
    live["metadata"].update({"uid": "u", "resourceVersion": "7", "creationTimestamp": SET_AT, "generation": 1})
    live["status"] = {"observedGeneration": 1}
    ref = ObjectRef.of(owned)
    record = RecordedState(
        target=TARGET,
        release=release(),
        digest="d",
        applied_at=datetime(2026, 11, 23, tzinfo=UTC),
        run_id="r",
        fence=1,
        objects=(recorded_object(ref, owned, live, CONCEAL),),
    )
    return record, live


def found(record: RecordedState, *live: dict[str, Any]) -> Any:
    """Return the drift of objects that somebody wrote to since: the server counts that."""
    for manifest in live:
        metadata = manifest["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        metadata["generation"] += 1
    return drift_of(record, {ObjectRef.of(m).identity: m for m in live}, CONCEAL, "shop")


def test_what_was_just_applied_has_no_drift() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    assert found(record, live).changes.empty


def test_status_server_fields_and_fields_of_others_are_no_drift() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    live["status"] = {"observedGeneration": 9}
    live["metadata"]["resourceVersion"] = "99"
    live["metadata"]["labels"]["somebody.else/label"] = "x"
    live["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "4"
    live["data"]["added-by-a-controller"] = "y"
    assert found(record, live).changes.empty


def test_an_edited_field_is_told_with_manager_and_time() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    live["data"]["a"] = "2"
    live["metadata"]["managedFields"] = [
        {"manager": "kubectl-edit", "operation": "Update", "time": SET_AT, "fieldsV1": {"f:data": {"f:a": {}}}}
    ]
    (change,) = found(record, live).changes.objects
    (field,) = change.fields
    assert (field.path, field.old, field.new) == ("data.a", "1", "2")
    assert (field.manager, field.time) == ("kubectl-edit", SET_AT)


def test_a_job_that_its_ttl_removed_is_no_drift() -> None:
    record, _ = apply(job("web", "migrate", ttl=60))
    assert found(record).changes.empty


def test_a_job_without_a_ttl_that_is_gone_is_missing() -> None:
    record, _ = apply(job("web", "migrate", ttl=None))
    (change,) = found(record).changes.objects
    assert change.kind is ChangeKind.MISSING


def test_a_job_with_a_ttl_that_is_there_is_compared() -> None:
    record, live = apply(job("web", "migrate", ttl=60))
    live["spec"]["ttlSecondsAfterFinished"] = 5
    (change,) = found(record, live).changes.objects
    assert [field.path for field in change.fields] == ["spec.ttlSecondsAfterFinished"]


def test_a_removed_field_names_nobody() -> None:
    record, live = apply(config_map("web", "settings", a="1", b="2"))
    del live["data"]["b"]
    (field,) = found(record, live).changes.objects[0].fields
    assert (field.path, field.kind, field.manager) == ("data.b", ChangeKind.REMOVED, None)


def test_a_deleted_object_is_missing() -> None:
    record, _ = apply(config_map("web", "settings", a="1"))
    (change,) = found(record).changes.objects
    assert change.kind is ChangeKind.MISSING


def test_a_secret_value_is_a_change_without_the_value() -> None:
    record, live = apply(secret("web", "token", password="b2xk"))
    live["data"]["password"] = "bmV3"
    (field,) = found(record, live).changes.objects[0].fields
    assert (field.path, field.old, field.new) == ("data.password", MASK, MASK)


def test_a_lost_ownership_label_is_drift() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    del live["metadata"]["labels"][FLEET_LABEL]
    (field,) = found(record, live).changes.objects[0].fields
    assert (field.path, field.kind) == (f'metadata.labels["{FLEET_LABEL}"]', ChangeKind.REMOVED)


def digest_entry(manager: str) -> list[dict[str, Any]]:
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{DIGEST_ANNOTATION}": {}}}}
    return [{"manager": manager, "operation": "Apply", "time": SET_AT, "fieldsV1": fields}]


def test_another_release_applied_by_fleet_is_not_drift_but_makes_the_record_out_of_date() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    live["data"]["a"] = "2"
    live["metadata"]["annotations"][DIGEST_ANNOTATION] = "0123456789abcdef"
    live["metadata"]["managedFields"] = digest_entry("fleet")
    assert found(record, live).superseded
    live["metadata"]["managedFields"] = digest_entry("kubectl-edit")
    assert not found(record, live).superseded
    assert {f.path for f in found(record, live).changes.objects[0].fields} >= {"data.a"}


def compared(record: RecordedState, live: dict[str, Any]) -> Any:
    return drift_of(record, {ObjectRef.of(live).identity: live}, CONCEAL, "shop").changes.objects


def test_an_object_that_nobody_wrote_to_is_not_compared() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    live["data"]["a"] = "2"  # which no server would do without a new version
    assert compared(record, live) == ()


def test_a_status_that_was_written_is_no_reason_to_compare_but_for_labels() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    live["metadata"]["resourceVersion"] = "99"
    assert compared(record, live) == ()
    live["metadata"]["labels"][FLEET_LABEL] = "other"
    (change,) = compared(record, live)
    assert [field.path for field in change.fields] == [f'metadata.labels["{FLEET_LABEL}"]']


def test_a_generation_that_no_controller_reports_proves_nothing() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    del live["status"]
    live["metadata"]["resourceVersion"] = "99"
    live["data"]["a"] = "2"
    assert [change.kind for change in compared(record, live)] == [ChangeKind.CHANGED]


def test_an_object_that_was_made_again_is_compared() -> None:
    record, live = apply(config_map("web", "settings", a="1"))
    live["metadata"]["uid"] = "another"
    live["data"]["a"] = "2"
    assert [change.kind for change in compared(record, live)] == [ChangeKind.CHANGED]
