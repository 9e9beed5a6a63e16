"""What of a live object is ours: pruning to the fields that were asked for, and who owns which field.

The API server adds defaults and other managers add fields. A live object that is pruned to the shape of what was
applied holds only what fleet asked for, in the server's normal form; two such states of one object can be compared
without any knowledge of defaults. How lists and maps merge is read from the object's own ``managedFields``
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management), which is right for every kind,
custom ones too; static keys of the built-in kinds serve where they are stripped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fleet.engine.compare import MERGE_KEYS, join
from fleet.model.objects import Manifest

_ATOMIC_MAPS = frozenset({"matchLabels", "nodeSelector"})
"""Maps that have one owner as a whole, where `managedFields` does not tell."""

_SETS = frozenset({"finalizers"})
"""Lists of plain values that have an owner for each value, where `managedFields` does not tell."""

_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}
"""Values of merge keys that may be left out."""

_Fields = Mapping[str, Any]
"""A `FieldsV1` tree: `f:` fields, `k:` list items by key, `v:` list items by value, `.` the thing itself."""


class FieldOwner(NamedTuple):
    """Who wrote a field last."""

    manager: str
    time: str
    """RFC 3339; empty where the server does not tell."""


def prune(live: Manifest, shape: Manifest) -> Manifest:
    """Return the live object with only the fields that ``shape`` has.

    Items of lists are matched by the keys by which the server merges them; of a list that has one owner as a whole, all
    is kept. Fields of ``shape`` that are null, or that the live object does not have, are left out.
    """
    if shape.get("kind") == "Secret" and isinstance(shape.get("stringData"), Mapping):
        # The server moves `stringData` to `data`.
        data = {**(shape.get("data") or {}), **{key: "" for key in shape["stringData"]}}
        shape = {**{key: value for key, value in shape.items() if key != "stringData"}, "data": data}
    fields: dict[str, Any] = {}
    for entry in _entries(live):
        _merge(fields, entry["fieldsV1"])
    shape = {key: value for key, value in shape.items() if key != "status"}
    return {key: _value(key, live[key], item, _child(fields, key)) for key, item in shape.items() if key in live}


def managed_field_owners(live: Manifest) -> Mapping[str, FieldOwner]:
    """Return who wrote each field last, by path like `spec.template.spec.containers[name=app].image`.

    A value of a list that is owned by value has the path `…finalizers[="x"]`. Look-ups go through
    :func:`owner_of_field`, since an owner may own a whole map or list.
    """
    owners: dict[str, FieldOwner] = {}
    for entry in _entries(live):
        owner = FieldOwner(str(entry.get("manager") or ""), str(entry.get("time") or ""))
        _collect("", "", entry["fieldsV1"], owner, owners)
    return owners


def owner_of_field(owners: Mapping[str, FieldOwner], path: str) -> FieldOwner | None:
    """Return who wrote the field at ``path`` last.

    That is the owner of the field, or else the latest owner of something in it, or else of the nearest thing around it.
    """
    if path in owners:
        return owners[path]
    inside = [owner for other, owner in owners.items() if other.startswith((f"{path}.", f"{path}["))]
    if inside:
        return max(inside, key=lambda owner: owner.time)
    around = [other for other in owners if path.startswith((f"{other}.", f"{other}["))]
    return owners[max(around, key=len)] if around else None


def _entries(live: Manifest) -> list[Mapping[str, Any]]:
    metadata = live.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    return [
        entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping) and isinstance(entry.get("fieldsV1"), Mapping)
    ]


def _merge(into: dict[str, Any], fields: _Fields) -> None:
    for key, child in fields.items():
        if isinstance(child, Mapping):
            _merge(into.setdefault(key, {}), child)


def _child(fields: _Fields | None, key: str) -> _Fields | None:
    found = fields.get(f"f:{key}") if fields else None
    return found if isinstance(found, Mapping) else None


def _value(name: str, live: Any, shape: Any, fields: _Fields | None) -> Any:
    if isinstance(live, Mapping) and isinstance(shape, Mapping):
        whole = not fields if fields is not None else name in _ATOMIC_MAPS
        if whole and shape:
            return live
        return {key: _value(key, live[key], item, _child(fields, key)) for key, item in shape.items() if key in live}
    if isinstance(live, list) and isinstance(shape, Sequence) and not isinstance(shape, str):
        return _list(name, live, shape, fields)
    return live


def _list(name: str, live: list[Any], shape: Sequence[Any], fields: _Fields | None) -> list[Any]:
    if fields is not None and not fields:
        return live  # it has one owner as a whole
    by_value = any(key.startswith("v:") for key in fields) if fields else name in _SETS
    if by_value:
        return [item for item in live if item in shape]
    if not all(isinstance(item, Mapping) for item in (*live, *shape)):
        return live
    told = _keys_of(fields) if fields else ()
    for keys in (told,) if told else MERGE_KEYS.get(name, (("name",),)):
        present, wanted = _by_key(live, keys), _by_key(shape, keys)
        if present is not None and wanted is not None:
            items = _items_by_key(fields, keys)
            return [
                _value("", item, wanted[label], items.get(label)) for label, item in present.items() if label in wanted
            ]
    # Without keys, items answer to each other by position; what the shape does not have is kept, and shows as added.
    pruned = [_value("", item, wanted, None) for item, wanted in zip(live, shape, strict=False)]
    return pruned + live[len(pruned) :]


def _keys_of(fields: _Fields) -> tuple[str, ...]:
    """Return the keys by which a list is merged, from its first item."""
    for key in fields:
        if key.startswith("k:"):
            decoded = _decode(key)
            if isinstance(decoded, dict):
                return tuple(decoded)
    return ()


def _items_by_key(fields: _Fields | None, keys: tuple[str, ...]) -> dict[tuple[str, ...], _Fields]:
    found: dict[tuple[str, ...], _Fields] = {}
    for key, child in (fields or {}).items():
        decoded = _decode(key) if key.startswith("k:") else None
        if isinstance(decoded, dict) and isinstance(child, Mapping):
            label = _label(decoded, keys)
            if label is not None:
                found[label] = child
    return found


def _by_key(items: Sequence[Any], keys: tuple[str, ...]) -> dict[tuple[str, ...], Mapping[str, Any]] | None:
    """Return items by their key; None if one has no key, or two have the same."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for item in items:
        label = _label(item, keys)
        if label is None or label in found:
            return None
        found[label] = item
    return found


def _label(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, ...] | None:
    parts: list[str] = []
    for key in keys:
        value: Any = item
        for step in key.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            value = _DEFAULTS.get(key)
        if value is None or isinstance(value, (Mapping, list)):
            return None
        parts.append(json.dumps(value))
    return tuple(parts)


def _decode(key: str) -> Any:
    try:
        return json.loads(key[2:])
    except json.JSONDecodeError:
        return None


def _collect(path: str, name: str, fields: _Fields, owner: FieldOwner, owners: dict[str, FieldOwner]) -> None:
    if not fields:
        _set(owners, path, owner)
    for key, child in fields.items():
        if key == ".":
            _set(owners, path, owner)
        elif not isinstance(child, Mapping):
            continue
        elif key.startswith("f:"):
            _collect(join(path, key[2:]), key[2:], child, owner, owners)
        elif key.startswith("k:"):
            _collect(f"{path}[{_item(name, _decode(key))}]", "", child, owner, owners)
        elif key.startswith("v:"):
            _set(owners, f"{path}[={key[2:]}]", owner)


def _set(owners: dict[str, FieldOwner], path: str, owner: FieldOwner) -> None:
    """Keep the owner with the latest time."""
    known = owners.get(path)
    if path and (known is None or owner.time >= known.time):
        owners[path] = owner


def _item(name: str, keys: Any) -> str:
    """Return the label of a list item as diffs write it: `name=app`, without parts that have their default value."""
    if not isinstance(keys, dict):
        return "?"
    order = next((known for known in MERGE_KEYS.get(name, ()) if set(known) == set(keys)), tuple(sorted(keys)))
    shown = [f"{key}={keys[key]}" for key in order if keys[key] != _DEFAULTS.get(key)]
    return ",".join(shown) or ",".join(f"{key}={keys[key]}" for key in order)
