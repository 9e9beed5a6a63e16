"""Risks: what a change does beyond its fields."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.compare import compare
from fleet.engine.immutable import TABLE, forces_replacement
from tests.helpers.manifests import config_map, deployment


def risks(old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[str, ...]:
    changes = compare([old] if old else [], [new] if new else [])
    return changes.objects[0].risks if changes.objects else ()


def of_kind(kind: str, api_version: str = "v1", **body: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **body}


def test_a_changed_pod_template_restarts_pods() -> None:
    assert risks(deployment(image="a"), deployment(image="b")) == ("restarts pods",)


def test_recreate_restarts_all_pods_at_once() -> None:
    strategy = {"type": "Recreate"}
    old, new = deployment(image="a", strategy=strategy), deployment(image="b", strategy=strategy)
    assert risks(old, new) == ("restarts pods, all at once (strategy Recreate)",)


def test_replicas_alone_restart_nothing() -> None:
    assert risks(deployment(replicas=3), deployment(replicas=5)) == ("scales 3 → 5",)


def test_no_replicas_stop_all_pods() -> None:
    assert risks(deployment(replicas=3), deployment(replicas=0)) == ("stops all pods",)


def test_a_changed_selector_replaces_a_deployment() -> None:
    new = deployment(selector={"matchLabels": {"app": "other"}})
    assert risks(deployment(), new) == (
        "replaces the object: spec.selector is immutable",
        "deletes all its pods",
    )


def test_harmless_changes_have_no_risk() -> None:
    assert risks(config_map(a="1"), config_map(a="2")) == ()
    assert risks(None, config_map()) == ()


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (of_kind("Namespace"), "deletes the namespace and everything in it"),
        (of_kind("PersistentVolumeClaim"), "deletes the claim: its data may be lost"),
        (
            of_kind("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
            "deletes every object of the kind that it defines",
        ),
        (config_map(), "deletes the ConfigMap"),
    ],
)
def test_removed_objects_say_what_is_lost(manifest: dict[str, Any], expected: str) -> None:
    assert risks(manifest, None) == (expected,)


def test_a_version_that_a_definition_stops_serving_is_named() -> None:
    def definition(*versions: tuple[str, bool]) -> dict[str, Any]:
        spec = {"versions": [{"name": name, "served": served} for name, served in versions]}
        return of_kind("CustomResourceDefinition", "apiextensions.k8s.io/v1", spec=spec)

    old, new = definition(("v1", True), ("v1beta1", True)), definition(("v1", True), ("v1beta1", False))
    assert risks(old, new) == ("stops serving v1beta1: clients of it fail",)


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        (of_kind("Secret", type="a"), of_kind("Secret", type="b"), ("type",)),
        (of_kind("Secret"), of_kind("Secret", type="Opaque"), ()),
        (of_kind("Secret", data={"a": "1"}), of_kind("Secret", data={"a": "2"}), ()),
        (
            of_kind("ConfigMap", immutable=True, data={"a": "1"}),
            of_kind("ConfigMap", immutable=True, data={"a": "2"}),
            ("data",),
        ),
        (
            of_kind("Service", spec={"clusterIP": "10.0.0.1"}),
            of_kind("Service", spec={"clusterIP": "None"}),
            ("spec.clusterIP",),
        ),
        (of_kind("Service", spec={"clusterIP": "10.0.0.1"}), of_kind("Service", spec={}), ()),
        (
            of_kind("Pod", spec={"containers": [{"name": "a", "image": "a:1"}]}),
            of_kind("Pod", spec={"containers": [{"name": "a", "image": "a:2"}]}),
            (),
        ),
        (
            of_kind("Pod", spec={"containers": [{"name": "a", "env": []}]}),
            of_kind("Pod", spec={"containers": [{"name": "a"}]}),
            ("spec",),
        ),
        (
            of_kind("Job", "batch/v1", spec={"template": {"a": 1}}),
            of_kind("Job", "batch/v1", spec={"template": {"a": 2}}),
            ("spec.template",),
        ),
        (
            of_kind("RoleBinding", "rbac.authorization.k8s.io/v1", roleRef={"name": "a"}),
            of_kind("RoleBinding", "rbac.authorization.k8s.io/v1", roleRef={"name": "b"}),
            ("roleRef",),
        ),
        (of_kind("Widget", "example.com/v1", spec={"a": 1}), of_kind("Widget", "example.com/v1", spec={"a": 2}), ()),
    ],
)
def test_immutable_fields_force_a_replacement(old: dict[str, Any], new: dict[str, Any], paths: tuple[str, ...]) -> None:
    assert forces_replacement(old, new) == paths


def test_the_table_is_sorted_and_has_no_duplicates() -> None:
    for paths in TABLE.values():
        assert len(set(paths)) == len(paths)
