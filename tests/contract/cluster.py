"""What every adapter of :class:`fleet.ports.cluster.ClusterWriter` must do, against a real API server.

A test module subclasses the class under a name that starts with `Test` and provides the fixtures `cluster` (the writer)
and `namespace` (an existing, empty one).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from fleet.errors import ClusterError
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.cluster import ApiKind, ClusterWriter


def config(namespace: str, name: str, *, labels: Mapping[str, str] | None = None, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "x:1"}]}}
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "selector": selector, "template": template, **spec},
    }


def names(objects: Any) -> set[str]:
    return {o["metadata"]["name"] for o in objects}


class ClusterContract:
    def test_tells_its_version(self, cluster: ClusterWriter) -> None:
        assert cluster.version().startswith("v")

    def test_knows_its_kinds(self, cluster: ClusterWriter) -> None:
        assert cluster.kind("apps/v1", "Deployment") == ApiKind("apps/v1", "Deployment", "deployments", True)
        assert cluster.kind("v1", "Namespace") == ApiKind("v1", "Namespace", "namespaces", False)
        assert cluster.kind("apps/v1", "Nothing") is None
        assert cluster.kind("nothing.example.com/v1", "Nothing") is None

    def test_apply_creates_updates_and_returns_what_is_live(self, cluster: ClusterWriter, namespace: str) -> None:
        first = cluster.apply(config(namespace, "a", one="1", two="2"), manager="fleet")
        second = cluster.apply(config(namespace, "a", one="1"), manager="fleet")
        assert first["data"] == {"one": "1", "two": "2"}
        assert second["data"] == {"one": "1"}
        assert cluster.get(ObjectRef.of(second)) == second
        assert (second["apiVersion"], second["kind"]) == ("v1", "ConfigMap")

    def test_applying_again_changes_nothing(self, cluster: ClusterWriter, namespace: str) -> None:
        first = cluster.apply(config(namespace, "a", one="1"), manager="fleet")
        assert cluster.apply(config(namespace, "a", one="1"), manager="fleet") == first

    def test_dry_run_answers_as_apply_would_and_changes_nothing(self, cluster: ClusterWriter, namespace: str) -> None:
        manifest = deployment(namespace, "a")
        foreseen = cluster.dry_run(manifest, manager="fleet")
        assert foreseen["spec"]["template"]["spec"]["restartPolicy"] == "Always"
        assert cluster.get(ObjectRef.of(manifest)) is None

    def test_a_field_that_is_not_known_is_refused(self, cluster: ClusterWriter, namespace: str) -> None:
        manifest = deployment(namespace, "a", replica=2)
        for call in (cluster.dry_run, cluster.apply):
            with pytest.raises(ClusterError, match=r"\.spec\.replica") as caught:
                call(manifest, manager="fleet")
            assert caught.value.code == "FLT-CLU-422"

    def test_a_conflict_names_the_other_manager(self, cluster: ClusterWriter, namespace: str) -> None:
        cluster.apply(config(namespace, "a", one="theirs"), manager="somebody")
        with pytest.raises(ClusterError, match=r"`somebody` owns `\.data\.one`") as caught:
            cluster.apply(config(namespace, "a", one="ours"), manager="fleet")
        assert caught.value.code == "FLT-CLU-409"
        assert cluster.apply(config(namespace, "a", one="ours"), manager="fleet", force=True)["data"] == {"one": "ours"}

    def test_an_immutable_field_is_invalid(self, cluster: ClusterWriter, namespace: str) -> None:
        cluster.apply(deployment(namespace, "a"), manager="fleet")
        other = deployment(namespace, "a", selector={"matchLabels": {"app": "b"}})
        with pytest.raises(ClusterError, match="immutable") as caught:
            cluster.apply(other, manager="fleet")
        assert caught.value.code == "FLT-CLU-422"

    def test_a_missing_namespace_or_kind_is_not_found(self, cluster: ClusterWriter) -> None:
        widget = {"apiVersion": "nothing.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        for manifest in (config("no-such-namespace", "a"), widget):
            with pytest.raises(ClusterError) as caught:
                cluster.apply(manifest, manager="fleet")
            assert caught.value.code == "FLT-CLU-404"

    def test_get_of_what_is_not_there(self, cluster: ClusterWriter, namespace: str) -> None:
        assert cluster.get(ObjectRef("v1", "ConfigMap", namespace, "nothing")) is None
        assert cluster.get(ObjectRef("v1", "ConfigMap", "no-such-namespace", "nothing")) is None
        assert cluster.get(ObjectRef("nothing.example.com/v1", "Widget", "", "w")) is None

    def test_delete(self, cluster: ClusterWriter, namespace: str) -> None:
        live = cluster.apply(config(namespace, "a"), manager="fleet")
        ref = ObjectRef.of(live)
        assert not cluster.delete(ref, uid="00000000-0000-0000-0000-000000000000")
        assert cluster.get(ref) is not None
        assert cluster.delete(ref, propagation="Background", uid=live["metadata"]["uid"])
        assert cluster.get(ref) is None
        assert not cluster.delete(ref)

    def test_list_by_label_in_one_namespace_and_in_all(self, cluster: ClusterWriter, namespace: str) -> None:
        mine = {"fleet-gitops.io/fleet": namespace, "n": "1"}
        cluster.apply(config(namespace, "a", labels=mine), manager="fleet")
        cluster.apply(config(namespace, "b", labels={**mine, "n": "2"}), manager="fleet")
        assert names(cluster.list("v1", "ConfigMap", labels=mine)) == {"a"}
        assert names(cluster.list("v1", "ConfigMap", labels={"fleet-gitops.io/fleet": namespace})) == {"a", "b"}
        assert {"a", "b"} <= names(cluster.list("v1", "ConfigMap", namespace=namespace))
        assert names(cluster.list("v1", "ConfigMap", labels=mine, namespace="default")) == set()

    def test_list_many(self, cluster: ClusterWriter, namespace: str) -> None:
        labels = {"fleet-gitops.io/fleet": namespace}
        cluster.apply(config(namespace, "a", labels=labels), manager="fleet")
        lacking = ("nothing.example.com/v1", "Widget")
        found = cluster.list_many([("v1", "ConfigMap"), ("apps/v1", "Deployment"), lacking], labels=labels)
        assert {kind: names(objects) for kind, objects in found.items()} == {
            ("v1", "ConfigMap"): {"a"},
            ("apps/v1", "Deployment"): set(),
            lacking: set(),
        }
        assert found["v1", "ConfigMap"][0]["kind"] == "ConfigMap"

    def test_a_kind_is_there_as_soon_as_its_definition_is_established(
        self, cluster: ClusterWriter, namespace: str
    ) -> None:
        group = f"{namespace}.example.com"
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        crd: Manifest = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"gadgets.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        }
        assert cluster.kind(f"{group}/v1", "Gadget") is None
        cluster.apply(crd, manager="fleet")
        gadget = {
            "apiVersion": f"{group}/v1",
            "kind": "Gadget",
            "metadata": {"name": "g", "namespace": namespace},
            "spec": {"size": 3},
        }
        until = time.monotonic() + 60
        while cluster.kind(f"{group}/v1", "Gadget") is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert cluster.apply(gadget, manager="fleet")["spec"] == {"size": 3}
        assert cluster.delete(ObjectRef.of(crd))

    def test_watch_tells_what_is_there_and_what_changes(self, cluster: ClusterWriter, namespace: str) -> None:
        labels = {"fleet-gitops.io/fleet": namespace}
        first = config(namespace, "a", labels=labels, n="1")
        cluster.apply(first, manager="fleet")
        seen: list[tuple[str, str]] = []
        steps = [
            lambda: cluster.apply(config(namespace, "a", labels=labels, n="2"), manager="fleet"),
            lambda: cluster.apply(config(namespace, "b", labels=labels), manager="fleet"),
            lambda: cluster.delete(ObjectRef.of(first), propagation="Background"),
        ]
        started = time.monotonic()
        for event in cluster.watch("v1", "ConfigMap", labels=labels, namespace=namespace, timeout=60):
            if event.type == "BOOKMARK":
                continue
            seen.append((event.type, event.object["metadata"]["name"]))
            if not steps:
                break
            threading.Thread(target=steps.pop(0)).start()
        assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        assert time.monotonic() - started < 50

    def test_watch_ends_at_its_timeout(self, cluster: ClusterWriter, namespace: str) -> None:
        started = time.monotonic()
        events = list(cluster.watch("v1", "ConfigMap", labels={"none": namespace}, namespace=namespace, timeout=0.5))
        assert [e for e in events if e.type != "BOOKMARK"] == []
        assert 0.4 < time.monotonic() - started < 20
