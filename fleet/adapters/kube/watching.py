"""List and watch: a gapless stream of changes of one kind.

Protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes. A watch that ends
goes on where it ended; where the server has forgotten that point (410) everything is listed again, and what changed
meanwhile is told as ordinary events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from fleet.adapters.kube.answers import garbage
from fleet.adapters.kube.client import Client
from fleet.adapters.kube.transport import FaultError
from fleet.errors import ClusterError
from fleet.model.objects import Manifest
from fleet.ports.cluster import ApiKind, WatchEvent

_FAULTS = 5
"""Broken connections in a row, without an event between them, before the watch gives up."""

_Key = tuple[str, str]


class _GoneError(Exception):
    """The server does not know our resource version any more."""


def watch(
    client: Client,
    kind: ApiKind,
    path: str,
    query: Mapping[str, str],
    list_all: Callable[[], tuple[list[Manifest], str]],
    timeout: float,
) -> Iterator[WatchEvent]:
    """Yield present objects as `ADDED`, then changes, until the timeout (seconds).

    Raises:
        UnreachableError: the connection broke several times in a row.
        ClusterError: the server refused.
    """
    deadline = time.monotonic() + timeout
    known: dict[_Key, Manifest] = {}
    version: str | None = None
    faults = 0
    while time.monotonic() < deadline:
        if version is None:
            objects, version = list_all()
            yield from _compare(known, objects)
        try:
            for event in _events(client, kind, path, {**query, "resourceVersion": version}, deadline):
                faults = 0
                version = str(event.object["metadata"].get("resourceVersion") or version)
                if event.type != "BOOKMARK":
                    _remember(known, event)
                yield event
        except _GoneError:
            version = None
        except FaultError as fault:
            faults += 1
            if faults >= _FAULTS or not fault.connected:
                raise client.unreachable(fault) from fault
            time.sleep(min(0.05 * 2**faults, max(deadline - time.monotonic(), 0)))


def _events(
    client: Client, kind: ApiKind, path: str, query: Mapping[str, str], deadline: float
) -> Iterator[WatchEvent]:
    """Yield the events of one watch request."""
    left = max(int(deadline - time.monotonic()), 1)
    parameters = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(left)}
    try:
        with client.stream(path, parameters, deadline, f"watch of {kind.kind}") as lines:
            for line in lines:
                yield _event(client.cluster, kind, line)
    except ClusterError as error:
        if error.code == "FLT-CLU-410":
            raise _GoneError from error
        raise


def _event(cluster: str, kind: ApiKind, line: bytes) -> WatchEvent:
    try:
        document = orjson.loads(line)
        type_, body = document["type"], document["object"]
        if type_ == "ERROR":
            return _error(cluster, kind, body)
        body["metadata"]["resourceVersion"]
        body.setdefault("apiVersion", kind.api_version)
        body.setdefault("kind", kind.kind)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        # A line that ends early is what a broken connection leaves behind.
        raise FaultError("its answer makes no sense", connected=True, again=True, code="FLT-OUT-106") from None
    if type_ not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise garbage(cluster)
    return WatchEvent(type_, body)


def _error(cluster: str, kind: ApiKind, status: Any) -> WatchEvent:
    from fleet.adapters.kube.answers import refusal

    code = status.get("code")
    if code == 410:
        raise _GoneError
    raise refusal(cluster, code if isinstance(code, int) else 500, orjson.dumps(status), f"watch of {kind.kind}")


def _remember(known: dict[_Key, Manifest], event: WatchEvent) -> None:
    """Keep only what a later comparison needs of an object."""
    key = _key(event.object)
    if event.type == "DELETED":
        known.pop(key, None)
    else:
        known[key] = _identity(event.object)


def _compare(known: dict[_Key, Manifest], objects: list[Manifest]) -> Iterator[WatchEvent]:
    """Yield what changed between two lists, and remember the new one."""
    present = {_key(item): item for item in objects}
    for key in [key for key in known if key not in present]:
        yield WatchEvent("DELETED", known.pop(key))
    for key, item in present.items():
        before = known.get(key)
        known[key] = _identity(item)
        if before is None:
            yield WatchEvent("ADDED", item)
        elif before["metadata"].get("resourceVersion") != item["metadata"].get("resourceVersion"):
            yield WatchEvent("MODIFIED", item)


def _key(item: Manifest) -> _Key:
    metadata = item["metadata"]
    return (str(metadata.get("namespace") or ""), str(metadata.get("name")))


def _identity(item: Manifest) -> Manifest:
    metadata = item["metadata"]
    kept = {k: metadata[k] for k in ("name", "namespace", "uid", "resourceVersion", "labels") if k in metadata}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": kept}
