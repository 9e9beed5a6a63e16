"""What the provider keeps in state and how it compares: object shapes, pruning, changed paths.

The state has the shape that the stock pulumi-kubernetes provider writes: the live object with ``__inputs``,
``__initialApiVersion`` and ``__fieldManager``, so that a stack can change its provider without replacing anything.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from fleet.adapters.pulumi.structs import Path
from fleet.engine.compare import SERVER_METADATA
from fleet.engine.live import prune
from fleet.model.objects import Manifest, ObjectRef

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"
_INTERNAL = (INPUTS, INITIAL_API_VERSION, FIELD_MANAGER)

FORCE_ANNOTATION = "pulumi.com/patchForce"
MANAGER_ANNOTATION = "pulumi.com/patchFieldManager"
SKIP_AWAIT_ANNOTATION = "pulumi.com/skipAwait"
TIMEOUT_ANNOTATION = "pulumi.com/timeoutSeconds"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_PLAIN_KEY = re.compile(r"^[A-Za-z_$][A-Za-z0-9_$]*$")


def annotation(manifest: Manifest, name: str) -> str | None:
    """Return an annotation of a manifest, or None."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    value = annotations.get(name)
    return value if isinstance(value, str) else None


def is_secret(manifest: Manifest) -> bool:
    """Say whether the object is a core Secret."""
    return manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"


def outputs_of(live: Manifest, inputs: Manifest, manager: str, initial_api_version: str = "") -> dict[str, Any]:
    """Return the state of an object: live, without noise, and with what was asked for."""
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:  # a copy of the whole object, in plain text
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    return {
        **live,
        "metadata": metadata,
        INPUTS: inputs,
        INITIAL_API_VERSION: initial_api_version or inputs["apiVersion"],
        FIELD_MANAGER: manager,
    }


def live_of(outputs: Manifest) -> dict[str, Any]:
    """Return the object that a state holds, without what the provider added."""
    return {key: value for key, value in outputs.items() if key not in _INTERNAL}


def secret_paths(manifest: Manifest, marked: frozenset[Path] = frozenset()) -> set[Path]:
    """Return the places of a manifest that are secret: what the program marked, and all values of a Secret."""
    paths = set(marked)
    if is_secret(manifest):
        paths |= {("data",), ("stringData",)}
    return paths


def output_secrets(manifest: Manifest, marked: frozenset[Path]) -> set[Path]:
    """Return the secret places of a state whose inputs are ``manifest``."""
    inner = secret_paths(manifest, marked)
    return inner | {(INPUTS, *path) for path in inner}


def comparable(recorded: Manifest, live: Manifest) -> Manifest:
    """Return a recorded object that is pruned by the same knowledge of how lists and maps merge as the live one.

    That knowledge is in ``managedFields``, which the state does not keep.
    """
    metadata = {**recorded.get("metadata", {}), "managedFields": live["metadata"].get("managedFields", [])}
    return {**recorded, "metadata": metadata}


def drifted_paths(recorded: Manifest, live: Manifest, inputs: Manifest) -> tuple[tuple[str, str], ...]:
    """Return where a live object differs from the recorded (:func:`comparable`) one, in what was asked for."""
    before, after = prune(recorded, inputs), prune(live, inputs)
    return () if before == after else changed_paths(before, after)


def changed_paths(old: Any, new: Any, limit: int = 100) -> tuple[tuple[str, str], ...]:
    """Return the places where two values differ, as Pulumi property paths with `add`, `delete` or `update`."""
    found: list[tuple[str, str]] = []
    for path, kind in _differences(old, new, ""):
        if len(found) == limit:
            break
        found.append((path, kind))
    return tuple(found)


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            inner = _join(path, key)
            if key not in old:
                yield inner, "add"
            elif key not in new:
                yield inner, "delete"
            else:
                yield from _differences(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            inner = f"{path}[{index}]"
            if index >= len(old):
                yield inner, "add"
            elif index >= len(new):
                yield inner, "delete"
            else:
                yield from _differences(old[index], new[index], inner)
    elif old != new:
        yield path, "update"


def _join(path: str, key: str) -> str:
    if not _PLAIN_KEY.match(key):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{key}" if path else key


def object_id(ref: ObjectRef) -> str:
    """Return the Pulumi id of an object, as the stock provider forms it."""
    return f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name


def inputs_from(live: Manifest, inputs: Manifest) -> dict[str, Any]:
    """Return the inputs that a live object stands for: its values of what was asked for.

    Without former inputs (an import), that is everything but what the server writes.
    """
    if inputs:
        found = dict(prune(live, inputs))
        if "stringData" in inputs:  # write-only: the server has moved it to `data`
            data = found.pop("data", {})
            found["stringData"] = {
                k: b64decode(data[k]).decode(errors="replace") for k in inputs["stringData"] if k in data
            }
            if "data" in inputs:
                found["data"] = {key: value for key, value in data.items() if key in inputs["data"]}
        return found
    metadata = {key: value for key, value in live["metadata"].items() if key not in SERVER_METADATA}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def timeout_of(state: Manifest, requested: float) -> float | None:
    """Return how many seconds waiting may take: asked for by the program, or by annotation, or None."""
    if requested > 0:
        return requested
    text = annotation(state, TIMEOUT_ANNOTATION)
    return float(text) if text is not None and text.isdigit() else None
