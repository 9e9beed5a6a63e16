r"""Merging of values, and where each one comes from.

Layers are merged from the least to the most precedence: app, environment, cluster, pin, release. Mappings are merged
key by key, everything else (lists too) is replaced as a whole, and `null` removes a key: the rules of JSON Merge Patch
(https://www.rfc-editor.org/rfc/rfc7386), so that a merged result never holds a `null` in a mapping.

A *dotted path* names a value: `ratings.enabled`. A dot inside a key is written `\.`, as Helm's `--set` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleet.model.provenance import ValueLayer, ValueOrigin

Steps = tuple[str, ...]


def join(steps: Sequence[str]) -> str:
    """Return the dotted path of a sequence of keys."""
    return ".".join(step.replace("\\", "\\\\").replace(".", "\\.") for step in steps)


def split(path: str) -> Steps:
    """Return the keys of a dotted path; the inverse of :func:`join`.

    Raises:
        ValueError: a key is empty, or a backslash escapes nothing.
    """
    steps, current, characters = [], "", iter(path)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in ("\\", "."):
                raise ValueError(f"`{path}` is not a dotted path: a backslash escapes only a dot or a backslash")
            current += escaped
        elif character == ".":
            steps.append(current)
            current = ""
        else:
            current += character
    steps.append(current)
    if not all(steps):
        raise ValueError(f"`{path}` is not a dotted path, like `ratings.enabled`")
    return tuple(steps)


def expand(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested mapping of values that are written by dotted path, as a release holds them.

    Raises:
        ValueError: a path is badly formed, or two overlap.
    """
    result: dict[str, Any] = {}
    seen: set[Steps] = set()
    for path, value in dotted.items():
        steps = split(path)
        inner = result
        for depth, step in enumerate(steps[:-1], 1):
            if steps[:depth] in seen:
                raise ValueError(f"`{path}` is inside of `{join(steps[:depth])}`, which is set too")
            inner = inner.setdefault(step, {})
        if steps[-1] in inner:
            raise ValueError(f"`{path}` is set twice, or contains another path that is set")
        inner[steps[-1]] = value
        seen.add(steps)
    return result


def lookup(values: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """Return the value at a dotted path, or the default."""
    current: Any = values
    for step in split(path):
        if not isinstance(current, Mapping) or step not in current:
            return default
        current = current[step]
    return current


def leaves(values: Mapping[str, Any], parents: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Yield every leaf with its keys. A leaf is anything but a mapping with keys."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*parents, key))
        else:
            yield (*parents, key), value


def covers(declared: Iterable[str], path: str) -> bool:
    """Say whether a dotted path is one of the declared paths, or lies inside of one."""
    steps = split(path)
    return any(steps[: len(prefix)] == prefix for prefix in map(split, declared))


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge values from the least to the most precedence.

    Associative as long as no key is a mapping in one layer and something else in another. Arguments are not changed;
    lists and leaf values are shared with the result.
    """
    result: dict[str, Any] = {}
    for layer in layers:
        _merge_into(result, layer)
    return result


def _merge_into(result: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            inner = result.get(key)
            if not isinstance(inner, dict):
                inner = result[key] = {}
            _merge_into(inner, value)
        else:
            result[key] = value


def merged(layers: Sequence[ValueLayer]) -> dict[str, Any]:
    """Return the values that a target gets from its layers."""
    return merge(*(layer.values for layer in layers))


@dataclass(slots=True)
class _Leaf:
    origin: ValueOrigin


_Node = dict[str, Any]  # of _Node or _Leaf


def origins(layers: Sequence[ValueLayer]) -> tuple[ValueOrigin, ...]:
    """Return every leaf of the merged values with the layer that set it and what it hides, sorted by path.

    A value of None says that the layer removed the key (with `null`): the merged values do not hold it.
    """
    root: _Node = {}
    for layer in layers:
        _apply(root, layer.values, (), layer)
    return tuple(sorted(_flatten(root), key=lambda origin: origin.path))


def origin_of(layers: Sequence[ValueLayer], path: str) -> tuple[ValueOrigin, ...]:
    """Return the origins at a dotted path and below it."""
    wanted = split(path)
    return tuple(o for o in origins(layers) if split(o.path)[: len(wanted)] == wanted)


def _apply(node: _Node, values: Mapping[str, Any], parents: Steps, layer: ValueLayer) -> None:
    for key, value in values.items():
        steps = (*parents, key)
        there = node.get(key)
        if isinstance(value, Mapping) and value:
            if isinstance(there, dict):
                _apply(there, value, steps, layer)
                continue
            branch: _Node = {}
            node[key] = branch
            _apply(branch, value, steps, layer)
            if there is not None and there.origin.value != {}:
                _hide(branch, there.origin)
        elif isinstance(value, Mapping) and (isinstance(there, dict) or (there and there.origin.value == {})):
            continue  # an empty mapping merged into a mapping changes nothing
        else:
            node[key] = _Leaf(_origin(steps, value, layer, there))


def _origin(steps: Steps, value: Any, layer: ValueLayer, there: _Node | _Leaf | None) -> ValueOrigin:
    hidden: tuple[ValueOrigin, ...] = ()
    if isinstance(there, dict):
        replaced = tuple(_flatten(there))
        behind = (older for origin in replaced for older in origin.hidden)
        hidden = tuple({(o.source, o.path): o for o in (*map(_bare, replaced), *behind)}.values())
    elif there is not None:
        hidden = (_bare(there.origin), *there.origin.hidden)
    path = join(steps)
    return ValueOrigin(path=path, value=value, source=layer.source, location=layer.locations.get(path), hidden=hidden)


def _bare(origin: ValueOrigin) -> ValueOrigin:
    return origin.model_copy(update={"hidden": ()})


def _hide(branch: _Node, hidden: ValueOrigin) -> None:
    """Note on every leaf of a new branch that it hides a value which was no mapping."""
    behind = (_bare(hidden), *hidden.hidden)
    for child in branch.values():
        if isinstance(child, dict):
            _hide(child, hidden)
        else:
            child.origin = child.origin.model_copy(update={"hidden": (*child.origin.hidden, *behind)})


def _flatten(node: _Node) -> Iterator[ValueOrigin]:
    for child in node.values():
        if isinstance(child, dict):
            yield from _flatten(child)
        else:
            yield child.origin
