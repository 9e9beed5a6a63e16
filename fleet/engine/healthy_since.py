"""Since when a live object is what it was applied as, and healthy without a break: out of the object alone. Pure.

Nothing is remembered anywhere, so that every machine comes to the same answer. The times are those of the API server
and of Kubernetes' controllers, whole seconds:

* when the object was created, and when whoever wrote the release's digest last changed a field of theirs: the time of
  their entry in ``managedFields``. Applying the same again does not move it
  (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management);
* when the condition that health goes by last changed (``lastTransitionTime``), and for a Deployment also when its
  roll-out was finished (``lastUpdateTime`` of ``Progressing``);
* for kinds that are judged by numbers in their status (StatefulSets, DaemonSets, claims, load balancers), when their
  status was last written: it is written when something in it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fleet.engine.reading import condition, mapping, mappings
from fleet.model.objects import DIGEST_ANNOTATION, Manifest, ObjectRef

_CONDITIONS: Mapping[tuple[str, str], Sequence[str]] = {
    ("", "Pod"): ("Ready",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("Established",),
    ("apiregistration.k8s.io", "APIService"): ("Available",),
    ("apps", "Deployment"): ("Available",),
    ("batch", "Job"): ("Complete", "Suspended"),
}
"""Conditions that health goes by, by kind; the first one that is there counts."""

_BY_STATUS = frozenset(
    {
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "ReplicationController"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
    }
)
"""Kinds whose health shows in numbers and phases of their status."""


def healthy_since(live: Manifest, ref: ObjectRef, *, awaited: bool = True) -> datetime | None:
    """Return since when a healthy object is as it is; None if it does not tell.

    Args:
        live: the object, healthy and with the digest of the release.
        ref: what it is.
        awaited: whether its health matters; else only when it was applied does.
    """
    times = [_time(mapping(live, "metadata").get("creationTimestamp")), _applied(live)]
    if awaited:
        times += _healthy(live, (ref.group, ref.kind))
    known = [time for time in times if time is not None]
    return max(known) if len(known) == len(times) else None


def _healthy(live: Manifest, kind: tuple[str, str]) -> Iterator[datetime | None]:
    """Yield the times of what health goes by; None where it should be there and is not."""
    if kind in _BY_STATUS or _is_load_balancer(live, kind):
        yield _status_written(live)
    elif kind in _CONDITIONS:
        found = next((c for name in _CONDITIONS[kind] if (c := condition(live, name)) is not None), {})
        yield _time(found.get("lastTransitionTime"))
        progressing = condition(live, "Progressing") or {}
        if kind == ("apps", "Deployment") and progressing:
            yield _time(progressing.get("lastUpdateTime"))
    elif (ready := condition(live, "Ready")) is not None:
        yield _time(ready.get("lastTransitionTime"))


def _is_load_balancer(live: Manifest, kind: tuple[str, str]) -> bool:
    return kind == ("", "Service") and mapping(live, "spec").get("type") == "LoadBalancer"


def _applied(live: Manifest) -> datetime | None:
    """Return when those who wrote the digest of the release last changed something."""
    annotations = (
        (entry, mapping(mapping(mapping(entry, "fieldsV1"), "f:metadata"), "f:annotations"))
        for entry in mappings(mapping(live, "metadata"), "managedFields")
    )
    times = [_time(entry.get("time")) for entry, fields in annotations if f"f:{DIGEST_ANNOTATION}" in fields]
    known = [time for time in times if time is not None]
    return max(known, default=None) if len(known) == len(times) else None


def _status_written(live: Manifest) -> datetime | None:
    entries = mappings(mapping(live, "metadata"), "managedFields")
    times = [_time(entry.get("time")) for entry in entries if mapping(mapping(entry, "fieldsV1"), "f:status")]
    known = [time for time in times if time is not None]
    return max(known, default=None) if len(known) == len(times) else None


def _time(text: Any) -> datetime | None:
    """Return a time of Kubernetes: RFC 3339."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
