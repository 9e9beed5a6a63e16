"""Compares sets of Kubernetes objects, object by object and field by field.

Lists of maps are matched by the keys by which Kubernetes itself merges them, so that a container that was put in
front of others is one added container and not a change of all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleet.engine.objects import without_ownership
from fleet.engine.redact import LAST_APPLIED, mask_fields
from fleet.engine.risks import risks_of
from fleet.model.change import ChangeKind, ChangeSet, FieldChange, ObjectChange
from fleet.model.objects import Manifest, ObjectRef

SERVER_METADATA = frozenset({"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"})
"""Metadata that the API server owns."""

MERGE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "conditions": (("type",),),
    "containers": (("name",),),
    "env": (("name",),),
    "ephemeralContainers": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "resourceClaims": (("name",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeClaimTemplates": (("metadata.name",),),
    "volumeDevices": (("devicePath",),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
}
"""Keys by which items of a list are matched, by the list's name: the `x-kubernetes-list-map-keys` and patch merge keys
of the API types (https://github.com/kubernetes/api). Lists of other maps are matched by `name` where every item has one
of its own, and by position otherwise."""

_BY_NAME = (("name",),)
_DEFAULTS = {"protocol": "TCP"}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def compare(old: Iterable[Manifest], new: Iterable[Manifest], *, show_secrets: bool = False) -> ChangeSet:
    """Return how a set of objects becomes another one.

    Objects are matched by group, kind, namespace and name; their order does not matter. What only the server writes
    and fleet's own labels are not compared. Values of Secrets are masked unless ``show_secrets``.
    """
    before = {ObjectRef.of(manifest).identity: manifest for manifest in old}
    after = {ObjectRef.of(manifest).identity: manifest for manifest in new}
    changes = [
        change
        for identity in {**before, **after}
        if (change := compare_objects(before.get(identity), after.get(identity), show_secrets=show_secrets))
    ]
    return ChangeSet(objects=tuple(sorted(changes, key=lambda change: change.ref)))


def compare_objects(old: Manifest | None, new: Manifest | None, *, show_secrets: bool = False) -> ObjectChange | None:
    """Return how one object becomes another version of itself, with the risks; None if nothing differs."""
    if old is new:
        return None
    fields: tuple[FieldChange, ...] = ()
    if old is None or new is None:
        kind = ChangeKind.ADDED if old is None else ChangeKind.REMOVED
    else:
        kind = ChangeKind.CHANGED
        fields = changes_between(old, new, show_secrets=show_secrets)
        if not fields:
            return None
    present = new if new is not None else old
    assert present is not None  # noqa: S101  # both absent is the same as `old is new`
    return ObjectChange(ref=ObjectRef.of(present), kind=kind, fields=fields, risks=risks_of(kind, old, new, fields))


def changes_between(old: Manifest, new: Manifest, *, show_secrets: bool = False) -> tuple[FieldChange, ...]:
    """Return the fields that differ between two versions of an object, in the order of their paths."""
    if old is new:
        return ()
    found: list[FieldChange] = []
    _maps("", without_noise(old), without_noise(new), found)
    return tuple(found) if show_secrets else mask_fields(str(new.get("kind", "")), found)


def without_noise(manifest: Manifest) -> Manifest:
    """Return an object without what the server writes and without fleet's labels and digest."""
    manifest = without_ownership(manifest)
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        return manifest
    kept = {key: value for key, value in metadata.items() if key not in SERVER_METADATA}
    annotations = kept.get("annotations")
    if isinstance(annotations, Mapping) and LAST_APPLIED in annotations:
        kept["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    for name in ("labels", "annotations"):
        if name in kept and not kept[name]:
            del kept[name]
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": kept}


def equal(old: Any, new: Any) -> bool:
    """Say whether two values are the same to Kubernetes: an absent key and `null` are, `true` and `1` are not."""
    if old is new:
        return True
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(equal(old.get(key), new.get(key)) for key in {**old, **new})
    if _is_list(old) and _is_list(new):
        return len(old) == len(new) and all(equal(a, b) for a, b in zip(old, new, strict=True))
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def join(path: str, key: str) -> str:
    """Return the path of a field below another one; a key that is not a plain word is quoted."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _maps(path: str, old: Mapping[str, Any], new: Mapping[str, Any], found: list[FieldChange]) -> None:
    for key in sorted({*old, *new}):
        _values(join(path, str(key)), str(key), old.get(key), new.get(key), found)


def _values(path: str, name: str, old: Any, new: Any, found: list[FieldChange]) -> None:
    if old is new:
        return
    if old is None or new is None:
        kind = ChangeKind.ADDED if old is None else ChangeKind.REMOVED
        found.append(FieldChange(path=path, kind=kind, old=old, new=new))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        _maps(path, old, new, found)
    elif _is_list(old) and _is_list(new):
        _lists(path, name, old, new, found)
    elif not equal(old, new):
        found.append(FieldChange(path=path, kind=ChangeKind.CHANGED, old=old, new=new))


def _lists(path: str, name: str, old: Sequence[Any], new: Sequence[Any], found: list[FieldChange]) -> None:
    if not all(isinstance(item, Mapping) for item in (*old, *new)) or not old or not new:
        if not equal(old, new):
            found.append(FieldChange(path=path, kind=ChangeKind.CHANGED, old=list(old), new=list(new)))
        return
    for keys in MERGE_KEYS.get(name, _BY_NAME):
        before, after = _by_key(old, keys), _by_key(new, keys)
        if before is not None and after is not None:
            _keyed_lists(path, before, after, found)
            return
    _positional_lists(path, old, new, found)


def _by_key(items: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> dict[str, Mapping[str, Any]] | None:
    """Return items by the text of their key; None if one has no key or two have the same."""
    result: dict[str, Mapping[str, Any]] = {}
    for item in items:
        label = _label(item, keys)
        if label is None or label in result:
            return None
        result[label] = item
    return result


def _label(item: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the key of an item like `name=app`; a part that has its default value is left out."""
    parts: list[str] = []
    for key in keys:
        value: Any = item
        for step in key.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        default = _DEFAULTS.get(key)
        if value is None and default is None:
            return None
        if isinstance(value, (Mapping, list)):
            return None
        if value is not None and value != default:
            parts.append(f"{key}={value}")
    return ",".join(parts) or None


def _keyed_lists(
    path: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], found: list[FieldChange]
) -> None:
    for label in {**old, **new}:
        _values(f"{path}[{label}]", "", old.get(label), new.get(label), found)
    before = [label for label in old if label in new]
    after = [label for label in new if label in old]
    if before != after:
        found.append(FieldChange(path=f"{path} (order)", kind=ChangeKind.CHANGED, old=before, new=after))


def _positional_lists(path: str, old: Sequence[Any], new: Sequence[Any], found: list[FieldChange]) -> None:
    """Compare by position, after what both have in common at the start and at the end."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and equal(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and equal(old[-1 - end], new[-1 - end]):
        end += 1
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    if len(before) == len(after):
        for offset, (a, b) in enumerate(zip(before, after, strict=True)):
            _values(f"{path}[{start + offset}]", "", a, b, found)
        return
    for offset, item in enumerate(before):
        found.append(FieldChange(path=f"{path}[{start + offset}]", kind=ChangeKind.REMOVED, old=item))
    for offset, item in enumerate(after):
        found.append(FieldChange(path=f"{path}[{start + offset}]", kind=ChangeKind.ADDED, new=item))
