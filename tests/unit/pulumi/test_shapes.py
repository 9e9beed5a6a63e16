"""What the provider keeps in state and compares."""

from __future__ import annotations

from typing import Any

from fleet.adapters.pulumi.provider import shapes

LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "s",
        "namespace": "n",
        "uid": "u",
        "resourceVersion": "1",
        "managedFields": [],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"data":"plain"}', "a": "b"},
    },
    "data": {"k": "dg=="},
    "type": "Opaque",
}
INPUTS = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"k": "v"}}


def test_state_is_live_with_inputs_and_without_noise() -> None:
    state = shapes.outputs_of(LIVE, INPUTS, "fleet")
    assert state["__inputs"] == INPUTS
    assert (state["__fieldManager"], state["__initialApiVersion"]) == ("fleet", "v1")
    assert state["metadata"]["annotations"] == {"a": "b"}
    assert "managedFields" not in state["metadata"]
    assert set(shapes.live_of(state)) == set(LIVE)


def test_values_of_a_secret_are_secret_in_state_and_in_its_inputs() -> None:
    paths = shapes.output_secrets(INPUTS, frozenset())
    assert {("data",), ("stringData",), ("__inputs", "data"), ("__inputs", "stringData")} <= paths
    assert shapes.output_secrets({**INPUTS, "kind": "ConfigMap"}, frozenset()) == set()
    assert shapes.output_secrets({"kind": "Pod"}, frozenset({("spec", "x")})) == {
        ("spec", "x"),
        ("__inputs", "spec", "x"),
    }


def test_drift_is_seen_in_asked_for_fields_only() -> None:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "1"}}
    live = {**inputs, "metadata": {"name": "c", "labels": {"theirs": "x"}}, "data": {"k": "1", "theirs": "2"}}
    recorded = shapes.comparable(inputs, live)
    assert shapes.drifted_paths(recorded, live, inputs) == ()
    edited = {**live, "data": {"k": "3"}}
    assert shapes.drifted_paths(recorded, edited, inputs) == (("data.k", "update"),)


def test_drift_in_write_only_data_is_seen() -> None:
    edited = {**LIVE, "data": {"k": "ZXZpbA=="}}
    recorded = shapes.comparable(LIVE, edited)
    assert shapes.drifted_paths(recorded, edited, INPUTS) == (("data.k", "update"),)


def test_paths_are_those_of_pulumi() -> None:
    old = {"metadata": {"labels": {"app.kubernetes.io/name": "a"}}, "spec": {"list": [{"x": 1}, {"x": 2}]}}
    new = {"metadata": {"labels": {}}, "spec": {"list": [{"x": 1}, {"x": 3}, {"x": 4}], "new": 1}}
    assert shapes.changed_paths(old, new) == (
        ('metadata.labels["app.kubernetes.io/name"]', "delete"),
        ("spec.list[1].x", "update"),
        ("spec.list[2]", "add"),
        ("spec.new", "add"),
    )


def test_refreshed_inputs_hold_live_values_of_what_was_asked_for() -> None:
    found = shapes.inputs_from({**LIVE, "data": {"k": "ZXZpbA==", "other": "eA=="}}, INPUTS)
    assert found["stringData"] == {"k": "evil"}
    assert "data" not in found


def test_imported_inputs_hold_everything_that_is_not_the_servers() -> None:
    found = shapes.inputs_from({**LIVE, "status": {}}, {})
    assert set(found) == {"apiVersion", "kind", "metadata", "data", "type"}
    assert set(found["metadata"]) == {"name", "namespace", "annotations"}


def test_waiting_time_is_read_from_the_program_or_the_annotation() -> None:
    annotated = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "30"}}}
    assert shapes.timeout_of(annotated, 0) == 30
    assert shapes.timeout_of(annotated, 5) == 5
    assert shapes.timeout_of({"metadata": {}}, 0) is None
    assert shapes.timeout_of({"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "soon"}}}, 0) is None
