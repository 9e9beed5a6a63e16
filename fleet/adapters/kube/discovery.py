"""Which kinds an API server offers.

Aggregated discovery tells all of them in two requests (stable since Kubernetes 1.30,
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery); servers that lack it are asked for
each group version by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleet.errors import UnreachableError
from fleet.ports.cluster import ApiKind

ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

Fetch = Callable[[str, dict[str, str]], tuple[int, str, Mapping[str, Any]]]
"""(path, headers) → (status, ETag, document)."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What one of the two roots said."""

    etag: str = ""
    aggregated: bool = False
    kinds: Mapping[tuple[str, str], ApiKind] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    """Group versions whose own server does not answer the API server (a broken ``APIService``)."""


class Discovery:
    """The kinds of one API server, cached. Safe to share between threads."""

    def __init__(self, cluster: str, fetch: Fetch) -> None:
        self._cluster = cluster
        self._fetch = fetch
        self._lock = threading.Lock()
        self._pages: dict[str, _Page] = {}
        self._single: dict[str, Mapping[tuple[str, str], ApiKind]] = {}
        self._generation = 0

    def kind(self, api_version: str, kind: str) -> ApiKind | None:
        """Return a kind; asks again before it says that there is none.

        Raises:
            UnreachableError: the kind is not known, and the server cannot tell about its group at present.
        """
        found = self._look(api_version, kind)
        if found is not None:
            return found
        seen = self._generation
        with self._lock:
            if self._generation == seen:  # another thread may have asked since we looked
                self._refresh(api_version)
                self._generation += 1
        found = self._look(api_version, kind)
        if found is None and any(api_version in page.stale for page in self._pages.values()):
            raise UnreachableError(
                f"cluster `{self._cluster}` cannot tell about `{api_version}`: the server of that API does not answer",
                code="FLT-OUT-105",
            )
        return found

    def _look(self, api_version: str, kind: str) -> ApiKind | None:
        key = (api_version, kind)
        for page in self._pages.values():
            if key in page.kinds:
                return page.kinds[key]
        return self._single.get(api_version, {}).get(key)

    def _refresh(self, api_version: str) -> None:
        root = "/apis" if "/" in api_version else "/api"
        roots = (root,) if self._pages else ("/api", "/apis")
        for path in roots:
            page = self._pages.get(path, _Page())
            headers = {"Accept": ACCEPT}
            if page.etag:
                headers["If-None-Match"] = page.etag
            status, etag, document = self._fetch(path, headers)
            if status != 304:
                self._pages = {**self._pages, path: _read_page(document, etag)}
        if not self._pages[root].aggregated:
            path = f"/{'apis' if '/' in api_version else 'api'}/{api_version}"
            status, _, document = self._fetch(path, {"Accept": "application/json"})
            self._single[api_version] = {} if status == 404 else _read_single(api_version, document)


def _read_page(document: Mapping[str, Any], etag: str) -> _Page:
    if document.get("kind") != "APIGroupDiscoveryList":
        return _Page()
    kinds: dict[tuple[str, str], ApiKind] = {}
    stale: set[str] = set()
    for group in _dicts(document.get("items")):
        metadata = group.get("metadata")
        group_name = metadata.get("name") if isinstance(metadata, dict) else None
        for version in _dicts(group.get("versions")):
            api_version = f"{group_name}/{version.get('version')}" if group_name else str(version.get("version"))
            if version.get("freshness") == "Stale":
                stale.add(api_version)
            for resource in _dicts(version.get("resources")):
                response = resource.get("responseKind")
                kind = response.get("kind") if isinstance(response, dict) else None
                plural = resource.get("resource")
                if isinstance(kind, str) and isinstance(plural, str):
                    namespaced = resource.get("scope") == "Namespaced"
                    kinds.setdefault((api_version, kind), ApiKind(api_version, kind, plural, namespaced))
    # A stale answer is asked for again in full next time.
    return _Page("" if stale else etag, True, kinds, frozenset(stale))


def _read_single(api_version: str, document: Mapping[str, Any]) -> dict[tuple[str, str], ApiKind]:
    kinds: dict[tuple[str, str], ApiKind] = {}
    for resource in _dicts(document.get("resources")):
        kind, plural = resource.get("kind"), resource.get("name")
        if isinstance(kind, str) and isinstance(plural, str) and "/" not in plural:
            found = ApiKind(api_version, kind, plural, resource.get("namespaced") is True)
            kinds.setdefault((api_version, kind), found)
    return kinds


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
