"""Reads rendered YAML into plain JSON data, with caps, and remembers where each part stands.

Runs in the jail. The parser is libyaml; no constructors of PyYAML are used, so nothing but maps, lists, texts, numbers,
booleans and null can come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fleet.adapters.render import codes
from fleet.adapters.render.scalars import NotFiniteError, key_text, resolve

MAX_DOCUMENTS = 2_000
MAX_NODES = 400_000
MAX_DEPTH = 100
MAX_ALIASES = 200

_PREFIX = "tag:yaml.org,2002:"
_PLAIN = "?"
"""Tag of a scalar without quotes and without a tag: its text decides what it is."""


class DocumentError(Exception):
    """The text is not acceptable YAML. Lines count from 1, in the rendered text."""

    def __init__(self, code: str, message: str, line: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, and the node that it came from."""

    value: Any
    node: Node


class _Loader(yaml.CBaseLoader):
    """Composes nodes; leaves it to us what a plain scalar means."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:  # noqa: ARG002
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else f"{_PREFIX}str"
        return f"{_PREFIX}seq" if kind is SequenceNode else f"{_PREFIX}map"


def parse(text: str) -> Iterator[Document]:
    """Yield the documents of a text; empty ones are left out.

    Raises:
        DocumentError: the text is not YAML, or breaks a cap.
    """
    loader = _Loader(text)
    reader = _Reader()
    number = 0
    try:
        while loader.check_node():
            node: Node = loader.get_node()  # type: ignore[assignment]  # the stub allows None at the end only
            number += 1
            if number > MAX_DOCUMENTS:
                raise DocumentError(codes.YAML_LIMIT, f"more than {MAX_DOCUMENTS} documents", line_of(node))
            value = reader.value(node, 0)
            if value is not None:
                yield Document(value, node)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(codes.YAML, "the text holds a character that YAML forbids", line) from None
    except RecursionError:
        raise DocumentError(codes.YAML_LIMIT, f"nested deeper than {MAX_DEPTH} levels", 1) from None
    finally:
        loader.dispose()


def line_of(node: Node, *keys: str | int) -> int:
    """Return the line of a part of a node, as far as the keys lead: of its key, where it has one."""
    place = node
    for key in keys:
        found = _child(node, key)
        if found is None:
            break
        place, node = found
    return int(place.start_mark.line) + 1


def _child(node: Node, key: str | int) -> tuple[Node, Node] | None:
    """Return where a child is named, and the child."""
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == key:
                return name, value
    if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
        child: Node = node.value[key]
        return child, child
    return None


def _syntax(error: yaml.MarkedYAMLError) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    text = " ".join(part for part in (error.problem, error.context) if part) or "cannot be parsed"
    return DocumentError(codes.YAML, f"the rendered text is not YAML: {text}", line)


class _Reader:
    """Turns nodes into values and counts what it makes: an alias costs what it repeats."""

    def __init__(self) -> None:
        self._nodes = 0
        self._seen: set[int] = set()
        self._aliases = 0

    def value(self, node: Node, depth: int) -> Any:
        self._count(node, depth)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            _require_tag(node, "seq")
            return [self.value(child, depth + 1) for child in node.value]
        if isinstance(node, MappingNode):
            _require_tag(node, "map")
            return self._map(node, depth)
        raise _tag(node)

    def _count(self, node: Node, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise DocumentError(codes.YAML_LIMIT, f"more than {MAX_NODES} values, aliases counted", line_of(node))
        if depth > MAX_DEPTH:
            raise DocumentError(codes.YAML_LIMIT, f"nested deeper than {MAX_DEPTH} levels", line_of(node))
        if id(node) in self._seen:
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                raise DocumentError(codes.YAML_LIMIT, f"more than {MAX_ALIASES} aliases", line_of(node))
        elif not isinstance(node, ScalarNode):
            self._seen.add(id(node))

    def _scalar(self, node: ScalarNode) -> Any:
        tag = node.tag
        if tag == f"{_PREFIX}str":
            return node.value
        if tag == _PLAIN or tag in (f"{_PREFIX}int", f"{_PREFIX}float", f"{_PREFIX}bool", f"{_PREFIX}null"):
            try:
                return resolve(node.value)
            except NotFiniteError:
                raise DocumentError(codes.YAML_TAG, f"`{node.value}` has no JSON form", line_of(node)) from None
        if tag == f"{_PREFIX}timestamp":
            return node.value
        raise _tag(node)

    def _map(self, node: MappingNode, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[Node] = []
        for name, child in node.value:
            if isinstance(name, ScalarNode) and name.value == "<<" and name.tag == _PLAIN:
                merged += child.value if isinstance(child, SequenceNode) else [child]
                continue
            key = self._key(name)
            if key in result:
                raise DocumentError(codes.DUPLICATE_KEY, f"key `{key[:80]}` is there twice in one map", line_of(name))
            result[key] = self.value(child, depth + 1)
        for child in merged:
            if not isinstance(child, MappingNode):
                raise DocumentError(codes.YAML, "`<<` merges maps only", line_of(child))
            for key, value in self.value(child, depth + 1).items():
                result.setdefault(key, value)
        return result

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise DocumentError(codes.YAML, "the key of a map must be a text", line_of(node))
        key = key_text(self._scalar(node))
        if key is None:
            raise DocumentError(codes.YAML, "the key of a map must not be empty or null", line_of(node))
        return key


def _require_tag(node: Node, name: str) -> None:
    if node.tag != f"{_PREFIX}{name}":
        raise _tag(node)


def _tag(node: Node) -> DocumentError:
    tag = str(node.tag)
    shown = f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag
    return DocumentError(codes.YAML_TAG, f"tag `{shown[:80]}` is not allowed; only plain data is", line_of(node))
