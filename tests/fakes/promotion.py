"""A renderer and clusters in memory, behind the ports, for tests of promotions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleet.errors import Problem
from fleet.model.declared import ClusterSpec
from fleet.model.objects import DIGEST_ANNOTATION, Manifest, ObjectRef
from fleet.ports.renderer import RenderRequest, RenderResult
from tests.fakes.cluster import FakeCluster, FakeClusters


class FakeRenderer:
    """Renders a Deployment and a ConfigMap of what a request holds, and what `fake` templates say in JSON.

    `apps/<app>/templates/*.yaml.j2` may hold JSON objects, one per line; a line `broken` cannot be rendered. The
    cluster's name is not used, so that clusters with equal values share their objects.
    """

    def __init__(self) -> None:
        self._known: dict[str, RenderResult] = {}

    def render(self, requests: Sequence[RenderRequest]) -> Sequence[RenderResult]:
        return [self._render(request) for request in requests]

    def prepare(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def _render(self, request: RenderRequest) -> RenderResult:
        context = {k: v for k, v in request.context.items() if k not in ("cluster", "release")}
        lines = [line for path in sorted(request.files) for line in request.files[path].decode().splitlines()]
        key = json.dumps([request.app, context, lines], sort_keys=True)
        if key not in self._known:
            self._known[key] = _rendered(request, context, lines)
        return self._known[key]


def _rendered(request: RenderRequest, context: Mapping[str, Any], lines: Sequence[str]) -> RenderResult:
    if "broken" in lines:
        return RenderResult((), (Problem("FLT-RND-002", "`values.port` is not defined"),))
    namespace = request.namespace or "default"
    container = {"name": "app", "image": next(iter(context["images"].values()), "none")}
    objects: list[dict[str, Any]] = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": request.app, "namespace": namespace},
            "spec": {
                "replicas": context["values"].get("replicas", 1),
                "selector": {"matchLabels": {"app": request.app}},
                "template": {"metadata": {"labels": {"app": request.app}}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": namespace},
            "data": {"values": json.dumps(context["values"], sort_keys=True), "images": json.dumps(context["images"])},
        },
    ]
    for line in lines:
        if line.startswith("{"):
            extra = json.loads(line)
            extra["metadata"].setdefault("namespace", namespace)
            objects.append(extra)
    return RenderResult(tuple(objects))


def _age(manifest: Any, time: str) -> None:
    """Write into a live object that it is as it is since a time."""
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{DIGEST_ANNOTATION}": {}}}}
    entry = {"manager": "fleet", "operation": "Apply", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields}
    manifest["metadata"] |= {"creationTimestamp": time, "managedFields": [entry]}
    for condition in manifest.get("status", {}).get("conditions", ()):
        condition |= {"lastTransitionTime": time, "lastUpdateTime": time}


class StoredClusters(FakeClusters):
    """Clusters in memory that several processes see: each is a JSON file.

    `{"unreachable": true}` is one that is gone, `{"since": TIME}` one that tells since when everything is as it is.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    def reader(self, name: str, spec: ClusterSpec) -> FakeCluster:
        path = self.directory / f"{name}.json"
        cluster = self[name]
        data = json.loads(path.read_text()) if path.exists() else {}
        cluster.unreachable = bool(data.get("unreachable"))
        cluster.kubernetes = data.get("kubernetes", "v1.36.1")
        cluster.unready = set(data.get("unready", ()))
        cluster.objects = {}
        for manifest in data.get("objects", ()):
            cluster.apply(manifest, manager="fleet")
        for manifest in cluster.objects.values() if "since" in data else ():
            _age(manifest, data["since"])
        return cluster

    def writer(self, name: str, spec: ClusterSpec) -> FakeCluster:
        """Return a cluster whose applied objects other processes see too."""
        cluster = self.reader(name, spec)
        writer = _StoredCluster(**vars(cluster))
        writer.path = self.directory / f"{name}.json"
        return writer

    def store(self, name: str, objects: Sequence[Mapping[str, Any]] = (), **flags: Any) -> None:
        """Say what a cluster has from now on."""
        self.directory.mkdir(parents=True, exist_ok=True)
        plain = [dict(manifest) for manifest in objects]
        (self.directory / f"{name}.json").write_text(json.dumps({"objects": plain, **flags}))


class _StoredCluster(FakeCluster):
    """A cluster that writes what is applied to its file."""

    path: Path

    def apply(self, manifest: Manifest, *, manager: str, force: bool = False) -> Manifest:
        applied = super().apply(manifest, manager=manager, force=force)
        data = json.loads(self.path.read_text()) if self.path.exists() else {}
        others = [o for o in data.get("objects", ()) if ObjectRef.of(o) != ObjectRef.of(manifest)]
        self.path.write_text(json.dumps({**data, "objects": [*others, applied]}))
        return applied
