"""Changes between objects: which are found, how they are named, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.compare import changes_between, compare
from fleet.engine.objects import ownership, with_ownership
from fleet.model.change import ChangeKind, FieldChange
from fleet.model.names import Target
from tests.helpers.manifests import config_map, deployment, pod_spec

ROOT = "spec.template.spec"


def found(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    return [(c.path, c.kind.value, c.old, c.new) for c in changes_between(old, new)]


def test_a_changed_image_is_one_field_named_by_its_container() -> None:
    assert found(deployment(image="web:1"), deployment(image="web:2")) == [
        (f"{ROOT}.containers[name=app].image", "changed", "web:1", "web:2")
    ]


def test_a_container_put_in_front_is_one_added_container() -> None:
    app, proxy = {"name": "app", "image": "web:1"}, {"name": "proxy", "image": "envoy:1"}
    assert found(pod_spec(app), pod_spec(proxy, app)) == [(f"{ROOT}.containers[name=proxy]", "added", None, proxy)]


def test_containers_in_another_order_are_a_change_of_order() -> None:
    one, two = {"name": "one"}, {"name": "two"}
    assert found(pod_spec(one, two), pod_spec(two, one)) == [
        (f"{ROOT}.containers (order)", "changed", ["name=one", "name=two"], ["name=two", "name=one"])
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "path"),
    [
        ("env", [{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}], "env[name=A].value"),
        (
            "ports",
            [{"containerPort": 53, "protocol": "UDP", "name": "dns"}],
            [{"containerPort": 53, "protocol": "UDP", "name": "dns2"}],
            "ports[containerPort=53,protocol=UDP].name",
        ),
        (
            "ports",
            [{"containerPort": 80, "name": "http"}],
            [{"containerPort": 80, "protocol": "TCP", "name": "web"}],
            "ports[containerPort=80].name",
        ),
        (
            "volumeMounts",
            [{"mountPath": "/data", "name": "a"}],
            [{"mountPath": "/data", "name": "b"}],
            "volumeMounts[mountPath=/data].name",
        ),
    ],
)
def test_lists_of_maps_are_matched_by_their_merge_keys(name: str, old: Any, new: Any, path: str) -> None:
    changes = found(pod_spec({"name": "app", name: old}), pod_spec({"name": "app", name: new}))
    assert f"{ROOT}.containers[name=app].{path}" in [c[0] for c in changes]


def test_two_items_with_the_same_key_are_matched_by_position() -> None:
    old = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    new = [{"name": "A", "value": "1"}, {"name": "A", "value": "3"}]
    changes = found(pod_spec({"name": "app", "env": old}), pod_spec({"name": "app", "env": new}))
    assert changes == [(f"{ROOT}.containers[name=app].env[1].value", "changed", "2", "3")]


def test_an_item_without_a_key_in_the_middle_is_one_addition() -> None:
    rule = [{"verbs": ["get"]}, {"verbs": ["list"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    new = [rule[0], {"verbs": ["watch"]}, rule[1]]
    assert found({**role, "rules": rule}, {**role, "rules": new}) == [("rules[1]", "added", None, {"verbs": ["watch"]})]


def test_lists_of_plain_values_change_as_a_whole() -> None:
    changes = found(pod_spec({"name": "app", "args": ["-v"]}), pod_spec({"name": "app", "args": ["-v", "-q"]}))
    assert changes == [(f"{ROOT}.containers[name=app].args", "changed", ["-v"], ["-v", "-q"])]


def test_keys_that_are_no_plain_words_are_quoted() -> None:
    old, new = config_map(), config_map()
    new["metadata"]["annotations"] = {"example.com/owner": "team-a"}
    old["metadata"]["annotations"] = {"example.com/owner": "team-b"}
    assert found(old, new)[0][0] == 'metadata.annotations["example.com/owner"]'


def test_null_and_absent_are_the_same_but_true_and_one_are_not() -> None:
    assert found({**deployment(), "x": None}, deployment()) == []
    assert found(deployment(paused=True), deployment(paused=1)) == [("spec.paused", "changed", True, 1)]


def test_what_only_the_server_writes_is_no_change() -> None:
    live = deployment()
    live["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "fleet"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    live["status"] = {"replicas": 1}
    assert found(live, deployment()) == []


def test_fleets_own_labels_and_digest_are_no_change() -> None:
    owned = with_ownership(deployment(), ownership("shop", Target("web", "dev", "dev")), "abc")
    assert compare([owned], [deployment()]).empty


def test_a_managed_by_label_of_somebody_else_is_a_change() -> None:
    foreign = deployment()
    foreign["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    assert len(found(foreign, deployment())) == 1


def test_objects_are_matched_without_their_version() -> None:
    old, new = deployment(), deployment()
    old["apiVersion"] = "apps/v1beta2"
    change = compare([old], [new]).objects[0]
    assert (change.kind, [f.path for f in change.fields]) == (ChangeKind.CHANGED, ["apiVersion"])


def test_added_and_removed_objects_list_no_fields() -> None:
    changes = compare([config_map("old")], [config_map("new")])
    assert [(str(c.ref), c.kind.value, c.fields) for c in changes.objects] == [
        ("ConfigMap/shop/new", "added", ()),
        ("ConfigMap/shop/old", "removed", ()),
    ]


def test_a_field_change_serialises_to_plain_json() -> None:
    change = FieldChange(path="a", kind=ChangeKind.ADDED, new={"b": [1, None]})
    assert change.model_dump(mode="json")["new"] == {"b": [1, None]}
