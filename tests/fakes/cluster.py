"""Clusters in memory, behind the port. Objects become ready at once, unless they are told not to."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.errors import UnreachableError
from fleet.model.declared import ClusterSpec
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.cluster import ApiKind, WatchEvent

Identity = tuple[str, str, str, str]


@dataclass
class FakeCluster:
    """One API server."""

    name: str
    objects: dict[Identity, dict[str, Any]] = field(default_factory=dict)
    unreachable: bool = False
    kubernetes: str = "v1.36.1"
    unready: set[str] = field(default_factory=set)
    """Names of Deployments whose pods never become ready."""
    removed_at_once: set[str] = field(default_factory=set)
    """Names of objects that are done and gone as soon as they are applied, as a Job with a time to live of 0."""
    jobs: dict[str, str] = field(default_factory=dict)
    """Condition (`Complete`, `Failed`) that a Job gets as soon as it is applied, by name; none: it runs on and on."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    log: list[tuple[str, str]] = field(default_factory=list)
    """Every write, in order: verb and object."""

    def _answer(self) -> None:
        if self.unreachable:
            raise UnreachableError(f"cluster `{self.name}` cannot be reached: connection refused", code="FLT-OUT-101")

    def version(self) -> str:
        self._answer()
        return self.kubernetes

    def kind(self, api_version: str, kind: str) -> ApiKind | None:
        self._answer()
        return ApiKind(api_version, kind, f"{kind.lower()}s", True)

    def get(self, ref: ObjectRef) -> Manifest | None:
        self._answer()
        found = self.objects.get(ref.identity)
        return None if found is None else copy.deepcopy(found)

    def list(
        self, api_version: str, kind: str, *, labels: Mapping[str, str] | None = None, namespace: str = ""
    ) -> Sequence[Manifest]:
        self._answer()
        with self.changed:
            return [
                copy.deepcopy(o)
                for o in self.objects.values()
                if (o["apiVersion"], o["kind"]) == (api_version, kind)
                and (labels or {}).items() <= o["metadata"].get("labels", {}).items()
            ]

    def list_many(
        self, kinds: Sequence[tuple[str, str]], *, labels: Mapping[str, str]
    ) -> Mapping[tuple[str, str], Sequence[Manifest]]:
        return {key: self.list(*key, labels=labels) for key in kinds}

    def watch(
        self, api_version: str, kind: str, *, labels: Mapping[str, str], namespace: str = "", timeout: float
    ) -> Iterator[WatchEvent]:
        deadline = time.monotonic() + timeout
        while True:
            for manifest in self.list(api_version, kind, labels=labels):
                yield WatchEvent("ADDED", manifest)
            with self.changed:
                if not self.changed.wait(max(deadline - time.monotonic(), 0)):
                    return

    def dry_run(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        self._answer()
        return self._merged(manifest)

    def apply(self, manifest: Manifest, *, manager: str, force: bool = False) -> Manifest:
        self._answer()
        with self.changed:
            merged = self._merged(manifest)
            if merged["metadata"]["name"] not in self.removed_at_once:
                self.objects[ObjectRef.of(manifest).identity] = merged
            self.log.append(("apply", str(ObjectRef.of(manifest))))
            self.changed.notify_all()
            return copy.deepcopy(merged)

    def delete(self, ref: ObjectRef, *, propagation: str = "Foreground", uid: str | None = None) -> bool:
        self._answer()
        with self.changed:
            self.log.append(("delete", str(ref)))
            self.changed.notify_all()
            return self.objects.pop(ref.identity, None) is not None

    def edit(self, kind: str, name: str, **spec: Any) -> None:
        """Change fields of `spec` as a person with kubectl would."""
        with self.changed:
            for manifest in self.objects.values():
                if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name):
                    manifest["spec"] = {**manifest["spec"], **spec}
            self.changed.notify_all()

    def heal(self, name: str) -> None:
        """Let a Deployment become ready after all."""
        with self.changed:
            self.unready.discard(name)
            for manifest in self.objects.values():
                if manifest["metadata"]["name"] == name:
                    manifest["status"] = self._status(manifest)
            self.changed.notify_all()

    def _merged(self, manifest: Manifest) -> dict[str, Any]:
        before = self.objects.get(ObjectRef.of(manifest).identity, {})
        merged = {**copy.deepcopy(before), **copy.deepcopy(dict(manifest))}
        if merged["kind"] == "Deployment":
            merged["status"] = self._status(merged)
        if merged["kind"] == "Job" and merged["metadata"]["name"] in self.jobs:
            condition = {
                "type": self.jobs[merged["metadata"]["name"]],
                "status": "True",
                "reason": "BackoffLimitExceeded",
            }
            merged["status"] = {"startTime": "2026-01-01T00:00:00Z", "conditions": [condition]}
        return merged

    def _status(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        replicas = manifest["spec"].get("replicas", 1)
        ready = 0 if manifest["metadata"]["name"] in self.unready else replicas
        return {
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [
                {"type": "Available", "status": "True" if ready else "False"},
                {"type": "Progressing", "status": "True"},
            ],
        }


class FakeClusters:
    """All clusters; each is made when it is first asked for."""

    def __init__(self) -> None:
        self.clusters: dict[str, FakeCluster] = {}

    def __getitem__(self, name: str) -> FakeCluster:
        return self.clusters.setdefault(name, FakeCluster(name))

    def reader(self, name: str, spec: ClusterSpec) -> FakeCluster:
        return self[name]

    def writer(self, name: str, spec: ClusterSpec) -> FakeCluster:
        return self[name]

    def kubeconfig(self, name: str, spec: ClusterSpec) -> tuple[Path, str]:
        return Path("kubeconfig"), name

    def close(self) -> None:
        """Do nothing."""
