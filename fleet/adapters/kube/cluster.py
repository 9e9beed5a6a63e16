"""One cluster of the fleet: reads, watches and changes of plain JSON objects."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any
from urllib.parse import quote

from fleet.adapters.kube.answers import canonical, garbage, secret_values
from fleet.adapters.kube.builtin import BUILT_IN
from fleet.adapters.kube.client import Client
from fleet.adapters.kube.discovery import Discovery
from fleet.adapters.kube.watching import watch
from fleet.errors import ClusterError
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.cluster import ApiKind, WatchEvent

PAGE = 500
"""Objects that are asked for in one request of a list."""

_LANES = 2
"""Connections that share the lists of a cluster: to open one costs both sides as much as several lists."""
_LIST_RESTARTS = 3
_APPLY = "application/apply-patch+yaml"


class KubeCluster:
    """Implements :class:`fleet.ports.cluster.ClusterWriter`. Safe to share between threads."""

    def __init__(self, name: str, client: Client, executor: Executor) -> None:
        self._name = name
        self._client = client
        self._executor = executor
        self._discovery = Discovery(name, client.fetch)

    def __repr__(self) -> str:
        return f"KubeCluster({self._name})"

    @property
    def name(self) -> str:
        """Name of the cluster in the fleet."""
        return self._name

    def version(self) -> str:
        """Return the server's version, like `v1.36.1`."""
        document = self._client.call("GET", "/version", what="its version")
        version = document.get("gitVersion") if document else None
        if not isinstance(version, str):
            raise garbage(self._name)
        return version

    def kind(self, api_version: str, kind: str) -> ApiKind | None:
        """Return a kind from (cached) discovery; asks again before it says that there is none."""
        return self._discovery.kind(api_version, kind)

    def get(self, ref: ObjectRef) -> Manifest | None:
        """Return an object, or None."""
        found = self.kind(ref.api_version, ref.kind)
        if found is None:
            return None
        path = self._object_path(found, ref)
        document = self._client.call("GET", path, what=str(ref), missing=True)
        return None if document is None else self._object(document)

    def list(
        self, api_version: str, kind: str, *, labels: Mapping[str, str] | None = None, namespace: str = ""
    ) -> Sequence[Manifest]:
        """Return all objects of a kind; complete, or it raises. Pages are read from one snapshot."""
        return self.list_with_version(self._require(api_version, kind), labels, namespace)[0]

    def list_with_version(
        self, kind: ApiKind, labels: Mapping[str, str] | None, namespace: str
    ) -> tuple[builtins.list[Manifest], str]:
        """Return all objects of a kind, and the resource version of the list, from where a watch goes on."""
        path = collection_path(kind, namespace)
        for attempt in range(_LIST_RESTARTS):
            try:
                return self._list(kind, path, labels)
            except ClusterError as error:  # 410: the snapshot is gone before we had read all of its pages
                if error.code != "FLT-CLU-410" or attempt + 1 == _LIST_RESTARTS:
                    raise
        raise AssertionError("unreachable")

    def _list(self, kind: ApiKind, path: str, labels: Mapping[str, str] | None) -> tuple[builtins.list[Manifest], str]:
        query = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = selector(labels)
        objects: builtins.list[Manifest] = []
        while True:
            document = self._client.call("GET", path, what=f"list of {kind.kind}", query=query, large=True)
            metadata = document.get("metadata") if document else None
            items = document.get("items") if document else None
            if not isinstance(metadata, dict) or not (items is None or isinstance(items, builtins.list)):
                raise garbage(self._name)
            for item in items or ():
                if not isinstance(item, dict):
                    raise garbage(self._name)
                item["apiVersion"] = kind.api_version
                item["kind"] = kind.kind
                objects.append(self._object(item))
            token = metadata.get("continue")
            if not token:
                return objects, str(metadata.get("resourceVersion") or "")
            query["continue"] = str(token)

    def list_many(
        self, kinds: Sequence[tuple[str, str]], *, labels: Mapping[str, str]
    ) -> Mapping[tuple[str, str], Sequence[Manifest]]:
        """Return `list` for several `(apiVersion, kind)`, side by side. A kind that the server lacks is empty."""
        offered = {key: BUILT_IN.get(key) or self.kind(*key) for key in dict.fromkeys(kinds)}
        wanted = [kind for kind in offered.values() if kind is not None]
        lanes = [lane for lane in (wanted[number::_LANES] for number in range(_LANES)) if lane]
        futures = [self._executor.submit(self._list_each, lane, labels) for lane in lanes]
        try:
            listed = [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
        found = {kind: objects for lane in listed for kind, objects in lane.items()}
        return {key: found[kind] if kind else [] for key, kind in offered.items()}

    def _list_each(self, kinds: Sequence[ApiKind], labels: Mapping[str, str]) -> dict[ApiKind, builtins.list[Manifest]]:
        return {kind: self._list_if_there(kind, labels) for kind in kinds}

    def _list_if_there(self, kind: ApiKind, labels: Mapping[str, str]) -> builtins.list[Manifest]:
        """List a kind that may not have been asked for beforehand: where there is no such list, discovery tells why."""
        try:
            return self.list_with_version(kind, labels, "")[0]
        except ClusterError as error:
            if error.code != "FLT-CLU-404":
                raise
        found = self.kind(kind.api_version, kind.kind)
        return [] if found is None else self.list_with_version(found, labels, "")[0]

    def watch(
        self, api_version: str, kind: str, *, labels: Mapping[str, str], namespace: str = "", timeout: float
    ) -> Iterator[WatchEvent]:
        """Yield present objects as `ADDED`, then changes, until the timeout (seconds)."""
        found = self._require(api_version, kind)
        path = collection_path(found, namespace)
        query = {"labelSelector": selector(labels)} if labels else {}
        return watch(
            self._client,
            found,
            path,
            query,
            lambda: self.list_with_version(found, labels, namespace),
            timeout,
        )

    def dry_run(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        """Return what a server-side apply would make of a manifest, changing nothing."""
        return self._patch(manifest, manager, force, {"dryRun": "All"})

    def apply(self, manifest: Manifest, *, manager: str, force: bool = False) -> Manifest:
        """Server-side apply; create or update. Return the live object.

        Fields that the server does not know are an error (strict validation), here as well as in a dry run: a typing
        error that the server drops in silence is never what was meant.
        """
        return self._patch(manifest, manager, force, {})

    def delete(self, ref: ObjectRef, *, propagation: str = "Foreground", uid: str | None = None) -> bool:
        """Delete an object, and only the one with ``uid`` if given. False: it was not there."""
        found = self.kind(ref.api_version, ref.kind)
        if found is None:
            return False
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        path = self._object_path(found, ref)
        try:
            answer = self._client.call("DELETE", path, what=str(ref), body=options, missing=True)
        except ClusterError as error:
            if uid is None or error.code != "FLT-CLU-409":
                raise
            live = self.get(ref)  # a conflict with a precondition: is it another object by now?
            if live is not None and live["metadata"].get("uid") == uid:
                raise
            return False
        return answer is not None

    def _patch(self, manifest: Manifest, manager: str, force: bool, query: Mapping[str, str]) -> Manifest:
        ref = ObjectRef.of(manifest)
        kind = self._require(ref.api_version, ref.kind)
        document = self._client.call(
            "PATCH",
            self._object_path(kind, ref),
            what=str(ref),
            query={
                "fieldManager": manager,
                "force": "true" if force else "false",
                "fieldValidation": "Strict",
                **query,
            },
            body=manifest,
            content_type=_APPLY,
            secrets=secret_values(manifest),
        )
        if document is None:
            raise garbage(self._name)
        return self._object(document)

    def _require(self, api_version: str, kind: str) -> ApiKind:
        found = self.kind(api_version, kind)
        if found is None:
            raise ClusterError(
                f"cluster `{self._name}` has no kind `{kind}` in `{api_version}`",
                code="FLT-CLU-404",
                hints=("if it is a custom resource, its definition has to be applied first",),
            )
        return found

    def _object_path(self, kind: ApiKind, ref: ObjectRef) -> str:
        if kind.namespaced and not ref.namespace:
            raise ClusterError(f"`{ref}` names no namespace, but its kind needs one", code="FLT-CLU-400")
        if not ref.name:
            raise ClusterError(f"a `{ref.kind}` has no name", code="FLT-CLU-400")
        return f"{collection_path(kind, ref.namespace)}/{_segment(ref.name)}"

    def _object(self, document: dict[str, Any]) -> Manifest:
        """Check the few fields that everything else relies on."""
        metadata = document.get("metadata")
        if (
            not isinstance(metadata, dict)
            or not isinstance(metadata.get("name"), str)
            or not isinstance(document.get("kind"), str)
            or not isinstance(document.get("apiVersion"), str)
        ):
            raise garbage(self._name)
        return document


def collection_path(kind: ApiKind, namespace: str) -> str:
    """Return the path of a kind's collection, in one namespace or in all."""
    root = "apis" if "/" in kind.api_version else "api"
    scope = f"/namespaces/{_segment(namespace)}" if kind.namespaced and namespace else ""
    return f"/{root}/{kind.api_version}{scope}/{kind.plural}"


def selector(labels: Mapping[str, str]) -> str:
    """Return a label selector that asks for equality of all labels."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _segment(text: str) -> str:
    """Quote one path segment.

    The server reads paths decoded, so that a quoted slash would still lead elsewhere; the forbidden forms are those of
    https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/path/name.go

    Raises:
        ClusterError: it is none.
    """
    if text in (".", "..") or "/" in text or "%" in text:
        raise ClusterError(f"`{canonical(text)}` cannot be the name of an object", code="FLT-CLU-400")
    return quote(text, safe="")
