"""Pruning to what was asked for, and who owns what, on an object as an API server returned it."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from fleet.engine.fingerprint import mask_secrets
from fleet.engine.live import FieldOwner, managed_field_owners, owner_of_field, prune

SHAPE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "namespace": "app", "labels": {"t": "w"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "nodeSelector": {"x": "y"},
                "containers": [
                    {
                        "name": "a",
                        "image": "x",
                        "args": ["1"],
                        "ports": [{"containerPort": 80}],
                        "env": [{"name": "A", "value": "1"}],
                    }
                ],
            },
        },
    },
}

FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:t": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:nodeSelector": {},
                "f:containers": {
                    'k:{"name":"a"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:args": {},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                        "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
                    }
                },
            },
        },
    },
}

STATUS_FIELDS: dict[str, Any] = {"f:status": {"f:replicas": {}}}


def entry(manager: str, fields: Any, time: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields}


def answer(managed: bool = True) -> dict[str, Any]:
    """Return what an API server makes of the shape: defaults, status, its own metadata."""
    live = copy.deepcopy(SHAPE)
    live["metadata"].update(
        uid="u", resourceVersion="7", generation=1, annotations={"deployment.kubernetes.io/revision": "1"}
    )
    if managed:
        live["metadata"]["managedFields"] = [entry("fleet", FIELDS), entry("controller", STATUS_FIELDS)]
    live["spec"]["progressDeadlineSeconds"] = 600
    live["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    container = live["spec"]["template"]["spec"]["containers"][0]
    container.update(imagePullPolicy="Always", resources={})
    container["ports"][0]["protocol"] = "TCP"
    live["status"] = {"replicas": 2}
    return live


@pytest.mark.parametrize("managed", [True, False])
def test_defaults_status_and_foreign_fields_are_pruned(managed: bool) -> None:
    assert prune(answer(managed), SHAPE) == SHAPE


@pytest.mark.parametrize("managed", [True, False])
def test_items_of_lists_are_matched_by_key_wherever_they_stand(managed: bool) -> None:
    live = answer(managed)
    containers = live["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {"name": "sidecar", "image": "mesh"})
    containers[1]["env"].insert(0, {"name": "INJECTED", "value": "x"})
    containers[1]["ports"].insert(0, {"containerPort": 80, "protocol": "UDP"})
    assert prune(live, SHAPE) == SHAPE


@pytest.mark.parametrize("managed", [True, False])
def test_a_changed_field_stays_visible(managed: bool) -> None:
    live = answer(managed)
    live["spec"]["replicas"] = 5
    live["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "2"
    live["spec"]["template"]["spec"]["containers"][0]["args"].append("extra")
    pruned = prune(live, SHAPE)
    assert pruned["spec"]["replicas"] == 5
    container = pruned["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "A", "value": "2"}]
    assert container["args"] == ["1", "extra"]


@pytest.mark.parametrize("managed", [True, False])
def test_what_somebody_adds_to_a_map_that_has_one_owner_stays_visible(managed: bool) -> None:
    live = answer(managed)
    live["spec"]["template"]["spec"]["nodeSelector"]["disk"] = "ssd"
    live["spec"]["selector"]["matchLabels"]["more"] = "1"
    pruned = prune(live, SHAPE)
    assert pruned["spec"]["template"]["spec"]["nodeSelector"] == {"x": "y", "disk": "ssd"}
    assert pruned["spec"]["selector"]["matchLabels"] == {"a": "b", "more": "1"}


def test_removed_and_null_fields_are_left_out() -> None:
    live = answer()
    del live["spec"]["replicas"]
    assert "replicas" not in prune(live, SHAPE)["spec"]
    assert "paused" not in prune(answer(), {**SHAPE, "spec": {**SHAPE["spec"], "paused": None}})["spec"]


def test_an_empty_map_asks_for_nothing_in_it() -> None:
    shape: dict[str, Any] = {"spec": {"strategy": {}}}
    live = {
        "metadata": {"managedFields": [entry("fleet", {"f:spec": {"f:strategy": {}}})]},
        "spec": {"strategy": {"type": "RollingUpdate"}},
    }
    assert prune(live, shape) == {"spec": {"strategy": {}}}


def test_keys_of_custom_lists_are_read_from_managed_fields() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:routes": {'k:{"host":"a","path":"/"}': {".": {}, "f:to": {}}}}}
    shape: dict[str, Any] = {"spec": {"routes": [{"host": "a", "path": "/", "to": "x"}]}}
    live = {
        "metadata": {"managedFields": [entry("fleet", fields)]},
        "spec": {"routes": [{"host": "b", "path": "/"}, {"host": "a", "path": "/", "to": "x", "weight": 1}]},
    }
    assert prune(live, shape) == shape


def test_lists_with_one_owner_are_kept_whole() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:rules": {}}}
    live = {
        "metadata": {"managedFields": [entry("fleet", fields)]},
        "spec": {"rules": [{"verbs": ["get"], "more": 1}, {"verbs": ["*"]}]},
    }
    assert prune(live, {"spec": {"rules": [{"verbs": ["get"]}]}})["spec"] == live["spec"]


def test_items_without_keys_are_matched_by_position_and_what_is_added_shows() -> None:
    live = {"spec": {"rules": [{"verbs": ["get"], "more": 1}, {"verbs": ["*"], "more": 2}]}}
    pruned = prune(live, {"spec": {"rules": [{"verbs": ["get"]}]}})
    assert pruned == {"spec": {"rules": [{"verbs": ["get"]}, {"verbs": ["*"], "more": 2}]}}


@pytest.mark.parametrize("managed", [True, False])
def test_finalizers_of_others_are_not_ours(managed: bool) -> None:
    metadata: dict[str, Any] = {"finalizers": ["ours", "foregroundDeletion"]}
    if managed:
        metadata["managedFields"] = [entry("fleet", {"f:metadata": {"f:finalizers": {".": {}, 'v:"ours"': {}}}})]
    assert prune({"metadata": metadata}, {"metadata": {"finalizers": ["ours"]}}) == {
        "metadata": {"finalizers": ["ours"]}
    }


def test_values_written_as_text_are_found_in_the_data_of_a_secret() -> None:
    shape: dict[str, Any] = {
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "eA=="},
        "stringData": {"b": "y"},
    }
    live = {
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "eA==", "b": "eQ==", "c": "eg=="},
        "type": "Opaque",
    }
    assert prune(live, shape) == {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA==", "b": "eQ=="}}


def test_owners_by_the_paths_that_diffs_use() -> None:
    live = answer()
    edit: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"a"}': {"f:image": {}}}}}}}
    live["metadata"]["managedFields"].append(entry("kubectl-edit", edit, "2026-02-02T00:00:00Z"))
    owners = managed_field_owners(live)
    fleet = FieldOwner("fleet", "2026-01-01T00:00:00Z")
    kubectl = FieldOwner("kubectl-edit", "2026-02-02T00:00:00Z")
    container = "spec.template.spec.containers[name=a]"
    assert owners["spec.replicas"] == fleet
    assert owners[f"{container}.image"] == kubectl
    assert owners[f"{container}.ports[containerPort=80]"] == fleet
    assert owner_of_field(owners, f"{container}.args[0]") == fleet
    assert owner_of_field(owners, "spec.template.spec.nodeSelector.x") == fleet
    assert owner_of_field(owners, f"{container}") == fleet
    assert owner_of_field(owners, "spec.template.spec.containers") == kubectl
    assert owner_of_field(owners, "spec.unknown") is None
    assert owner_of_field(owners, "status.replicas") == FieldOwner("controller", "2026-01-01T00:00:00Z")


def test_owners_of_odd_keys_and_broken_entries() -> None:
    fields: dict[str, Any] = {
        "f:metadata": {"f:annotations": {"f:example.com/a.b": {}}, "f:finalizers": {'v:"x"': {}}},
        "k:nonsense": {},
    }
    live = {"metadata": {"managedFields": [entry("m", fields), "broken", {"manager": "n"}, entry("o", {"f:x": 1})]}}
    owners = managed_field_owners(live)
    assert set(owners) >= {'metadata.annotations["example.com/a.b"]', 'metadata.finalizers[="x"]'}


KEY = b"k" * 32


def secret(**sections: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "app"}, **sections}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_secret_values_become_keyed_hashes() -> None:
    masked = mask_secrets(secret(data={"password": encoded("canary")}, stringData={"token": "canary"}), KEY)
    assert "canary" not in str(masked)
    assert encoded("canary") not in str(masked)
    assert masked["data"]["password"] != masked["stringData"]["token"]  # equal values do not show as equal


def test_the_same_value_gives_the_same_hash_however_it_is_written() -> None:
    plain = mask_secrets(secret(stringData={"a": "x"}), KEY)["stringData"]["a"]
    coded = mask_secrets(secret(data={"a": encoded("x")}), KEY)["data"]["a"]
    assert plain == coded
    assert mask_secrets(secret(stringData={"a": "x"}), b"j" * 32)["stringData"]["a"] != plain
    assert mask_secrets(secret(stringData={"a": "y"}), KEY)["stringData"]["a"] != plain


def test_copies_of_secret_values_are_masked_too() -> None:
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": '{"data": {"a": "canary"}}', "other": "kept"}
    one = secret(data={"a": "not base64 canary"})
    one["metadata"] = {**one["metadata"], "annotations": annotation}
    untyped = {"metadata": {"name": "t"}, "stringData": {"b": "canary"}}
    for listing in ({"kind": "List", "items": [one]}, {"kind": "SecretList", "items": [one, untyped]}, one):
        assert "canary" not in str(mask_secrets(listing, KEY))
        assert "kept" in str(mask_secrets(listing, KEY))


def test_other_kinds_and_odd_secrets() -> None:
    config = {"kind": "ConfigMap", "data": {"a": "x"}}
    assert mask_secrets(config, KEY) is config
    assert mask_secrets(secret(data=None), KEY)["data"] is None
    assert mask_secrets(secret(data={"a": None}), KEY)["data"] == {"a": None}
    assert "canary" not in str(mask_secrets(secret(data="canary", stringData={"a": {"b": "canary"}}), KEY))
