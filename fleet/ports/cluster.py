"""One Kubernetes API server. Readers apart from writers; all bodies are plain JSON data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fleet.model.declared import ClusterSpec
from fleet.model.objects import Manifest, ObjectRef


@dataclass(frozen=True, slots=True)
class ApiKind:
    """A kind that the API server offers (from discovery)."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`ADDED`, `MODIFIED`, `DELETED` with the object, or `BOOKMARK`."""

    type: str
    object: Manifest


class ClusterReader(Protocol):
    """Reads one cluster. Every call has a deadline.

    Raises of every method:
        UnreachableError: no connection, a timeout, refused credentials (401), too many requests after retries.
        ClusterError: any other refusal, with the server's reason (code `FLT-CLU-403`, `FLT-CLU-409`, …).
    """

    @property
    def name(self) -> str:
        """Name of the cluster in the fleet."""
        ...

    def version(self) -> str:
        """Return the server's version, like `v1.36.1`."""
        ...

    def kind(self, api_version: str, kind: str) -> ApiKind | None:
        """Return a kind from (cached) discovery; asks again before it says that there is none."""
        ...

    def get(self, ref: ObjectRef) -> Manifest | None:
        """Return an object, or None."""
        ...

    def list(
        self, api_version: str, kind: str, *, labels: Mapping[str, str] | None = None, namespace: str = ""
    ) -> Sequence[Manifest]:
        """Return all objects of a kind (with `apiVersion` and `kind` filled in); complete, or it raises."""
        ...

    def list_many(
        self, kinds: Sequence[tuple[str, str]], *, labels: Mapping[str, str]
    ) -> Mapping[tuple[str, str], Sequence[Manifest]]:
        """Return `list` for several `(apiVersion, kind)`, side by side. A kind that the server lacks is empty."""
        ...

    def watch(
        self, api_version: str, kind: str, *, labels: Mapping[str, str], namespace: str = "", timeout: float
    ) -> Iterator[WatchEvent]:
        """Yield present objects as `ADDED`, then changes, until the timeout (seconds)."""
        ...

    def dry_run(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        """Return what a server-side apply would make of a manifest, changing nothing."""
        ...


class ClusterWriter(ClusterReader, Protocol):
    """Changes one cluster."""

    def apply(self, manifest: Manifest, *, manager: str, force: bool = False) -> Manifest:
        """Server-side apply; create or update. Return the live object.

        Raises:
            ClusterError: code `FLT-CLU-409` names the conflicting field managers; `FLT-CLU-422` is invalid (also
                an immutable field); `FLT-CLU-404` the namespace or kind is not there (yet).
        """
        ...

    def delete(self, ref: ObjectRef, *, propagation: str = "Foreground", uid: str | None = None) -> bool:
        """Delete an object, and only the one with ``uid`` if given. False: it was not there."""
        ...


class Clusters(Protocol):
    """Connects to clusters; connections are cached and shared between threads."""

    def reader(self, name: str, spec: ClusterSpec) -> ClusterReader:
        """Return a reader. Connects lazily: an unreachable cluster raises at the first call."""
        ...

    def writer(self, name: str, spec: ClusterSpec) -> ClusterWriter:
        """Return a writer."""
        ...

    def kubeconfig(self, name: str, spec: ClusterSpec) -> tuple[Path, str]:
        """Return the kubeconfig file and context that a cluster is reached with, for tools that read it themselves.

        Raises:
            UnreachableError: there is no such file.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
