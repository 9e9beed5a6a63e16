"""Strict YAML: plain JSON data with the place of every key, and nothing that can surprise or explode.

Built on libyaml's events: nothing is composed before it is accepted, so an alias bomb or a thousand open brackets cost
no more than reading up to the first of them. Scalars follow the YAML 1.2 core schema
(https://yaml.org/spec/1.2.2/#103-core-schema); those that YAML 1.1 reads differently are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from fleet.adapters.config import codes
from fleet.errors import Location, Problem

SIZE_LIMIT = 256 * 1024
"""Bytes of a declared file."""
DEPTH_LIMIT = 64
"""Levels of nesting."""
PROBLEM_LIMIT = 20
"""Problems of one file's YAML after which reading stops."""

Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = re.compile(
    r"(?P<null>~|null|Null|NULL|)$"
    r"|(?P<true>true|True|TRUE)$|(?P<false>false|False|FALSE)$"
    r"|(?P<int>[-+]?(?:0|[1-9][0-9]*))$|(?P<hex>0x[0-9a-fA-F]+)$|(?P<oct>0o[0-7]+)$"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$"
)
_AMBIGUOUS = re.compile(
    r"(?:yes|no|on|off|Yes|No|On|Off|YES|NO|ON|OFF|[-+]?0[0-9_]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_INT_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a value stands, and its children. Lines and columns count from 1.

    ``line`` and ``column`` are those of the key, or of the value for items of a list and for the top level.
    """

    line: int
    column: int
    children: Mapping[str, Marks] | list[Marks] | None = None
    text: tuple[int, int] | None = None
    """Where the first character of a value that is text stands; none where lines and columns of the text cannot be
    found in the file again (it is folded, or holds escapes)."""


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file."""

    path: str
    data: dict[str, Any]
    marks: Marks

    def at(self, path: Path = ()) -> Location:
        """Return the place of a key or item; of the nearest enclosing one if it is not there."""
        mark = self._mark(path)
        return Location(self.path, mark.line, mark.column)

    def within(self, path: Path, line: int, column: int) -> Location:
        """Return the place of a line and column of a text that is the value of a key; of the key if it is not known."""
        mark = self._mark(path)
        if mark.text is None:
            return Location(self.path, mark.line, mark.column)
        return Location(self.path, mark.text[0] + line - 1, mark.text[1] + column - 1)

    def _mark(self, path: Path) -> Marks:
        mark = self.marks
        for step in path:
            children = mark.children
            if isinstance(children, list) and isinstance(step, int) and step < len(children):
                mark = children[step]
            elif isinstance(children, Mapping) and step in children:
                mark = children[str(step)]
            else:
                break
        return mark


class _RefusedError(Exception):
    """The file is not acceptable; carries the one problem."""

    def __init__(self, code: str, message: str, mark: Any, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.mark = mark
        self.hint = hint


def parse(path: str, content: bytes) -> tuple[Document | None, tuple[Problem, ...]]:
    """Parse one declared file. Either there is a document, or there are errors; duplicate keys give both."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, (Problem(codes.NOT_UTF8, "the file is not UTF-8 text", Location(path, line)),)
    builder = _Builder(path)
    try:
        data, marks = builder.document(text)
    except _RefusedError as refused:
        where = Location(path, refused.mark.line + 1, refused.mark.column + 1) if refused.mark else Location(path)
        return None, (*builder.problems, Problem(refused.code, str(refused), where, refused.hint))
    except yaml.YAMLError as error:
        return None, (*builder.problems, _syntax_problem(path, text, error))
    if any(problem.code != codes.DUPLICATE_KEY for problem in builder.problems):
        return None, tuple(builder.problems)
    return Document(path, data, marks), tuple(builder.problems)


class _Builder:
    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._events: Iterator[Any] = iter(())
        self._text = ""

    @cached_property
    def _lines(self) -> list[str]:
        return self._text.split("\n")

    def document(self, text: str) -> tuple[dict[str, Any], Marks]:
        self._text = text
        self._events = iter(yaml.parse(text, Loader=_LOADER))
        next(self._events)  # start of the stream
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            raise _RefusedError(codes.EMPTY, "the file is empty", None)
        event = next(self._events)
        if isinstance(event, ScalarEvent) and not event.value and event.implicit[0]:
            raise _RefusedError(codes.EMPTY, "the file is empty", None)
        if not isinstance(event, MappingStartEvent):
            kind = "a list" if isinstance(event, SequenceStartEvent) else "a single value"
            raise _RefusedError(codes.NOT_A_MAPPING, f"the top level is {kind}, not a mapping", event.start_mark)
        data, children = self._mapping(event, 1)
        next(self._events)  # end of the document
        following = next(self._events)
        if isinstance(following, DocumentStartEvent):
            raise _RefusedError(codes.MANY_DOCUMENTS, "the file holds more than one document", following.start_mark)
        mark: Any = event.start_mark
        return data, Marks(mark.line + 1, mark.column + 1, children)

    def _value(self, event: Any, depth: int) -> tuple[Any, Any]:
        if isinstance(event, ScalarEvent):
            return self._scalar(event), None
        if depth > DEPTH_LIMIT:
            raise _RefusedError(codes.TOO_DEEP, f"nested more than {DEPTH_LIMIT} levels deep", event.start_mark)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, depth)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, depth)
        self._note(
            codes.ALIAS,
            f"the alias `*{event.anchor}` is not allowed",
            event.start_mark,
            "write the value out; shared values go to app.yaml, environment.yaml or the cluster's file",
        )
        return None, None

    def _note(self, code: str, message: str, mark: Any, hint: str | None = None) -> None:
        """Keep a problem and go on, unless there are too many."""
        if len(self.problems) >= PROBLEM_LIMIT:
            raise _RefusedError(code, message, mark, hint)
        self.problems.append(Problem(code, message, Location(self.path, mark.line + 1, mark.column + 1), hint))

    def _mapping(self, event: MappingStartEvent, depth: int) -> tuple[dict[str, Any], dict[str, Marks]]:
        self._no_tag(event)
        data: dict[str, Any] = {}
        marks: dict[str, Marks] = {}
        while not isinstance(key_event := next(self._events), MappingEndEvent):
            key = self._key(key_event)
            value_event = next(self._events)
            value, children = self._value(value_event, depth + 1)
            mark: Any = key_event.start_mark
            if key in data:
                first = marks[key]
                self._note(codes.DUPLICATE_KEY, f"the key `{key}` is already written in line {first.line}", mark)
                continue
            data[key] = value
            starts = self._starts(value_event) if isinstance(value, str) else None
            marks[key] = Marks(mark.line + 1, mark.column + 1, children, starts)
        return data, marks

    def _sequence(self, event: SequenceStartEvent, depth: int) -> tuple[list[Any], list[Marks]]:
        self._no_tag(event)
        data: list[Any] = []
        marks: list[Marks] = []
        while not isinstance(item := next(self._events), SequenceEndEvent):
            value, children = self._value(item, depth + 1)
            data.append(value)
            marks.append(Marks(item.start_mark.line + 1, item.start_mark.column + 1, children))
        return data, marks

    def _starts(self, event: Any) -> tuple[int, int] | None:
        """Return where the text of a scalar begins, if its lines are those of the file."""
        first, last = event.start_mark, event.end_mark
        if event.style == "|":
            line = self._lines[first.line + 1] if first.line + 1 < len(self._lines) else ""
            return first.line + 2, len(line) - len(line.lstrip(" ")) + 1
        quotes = 1 if event.style in ("'", '"') else 0
        if event.style == ">" or first.line != last.line or last.column - first.column != len(event.value) + 2 * quotes:
            return None
        return first.line + 1, first.column + 1 + quotes

    def _key(self, event: Any) -> str:
        if isinstance(event, AliasEvent):
            self._value(event, 0)
            return f"*{event.anchor}"
        if not isinstance(event, ScalarEvent):
            raise _RefusedError(codes.BAD_KEY, "a key must be text, not a mapping or list", event.start_mark)
        text = str(event.value)
        if event.implicit[0]:
            if text == "<<":
                self._note(codes.ALIAS, "the merge key `<<` is not allowed", event.start_mark)
            found = _PLAIN.match(text)
            if found:
                self._note(
                    codes.BAD_KEY, f"the key `{text}` is not text", event.start_mark, f'put it in quotes: `"{text}":`'
                )
        else:
            self._no_tag(event)
        return text

    def _scalar(self, event: ScalarEvent) -> Any:
        text = str(event.value)
        if not event.implicit[0]:
            self._no_tag(event)
            return text
        if _AMBIGUOUS.match(text):
            self._note(
                codes.AMBIGUOUS,
                f"`{text}` means different things to different YAML readers",
                event.start_mark,
                f'write `true`, `false` or a plain number, or put it in quotes: `"{text}"`',
            )
            return text
        found = _PLAIN.match(text)
        return self._plain(event, text, str(found.lastgroup)) if found else text

    def _plain(self, event: ScalarEvent, text: str, kind: str) -> Any:
        match kind:
            case "null":
                return None
            case "true" | "false":
                return kind == "true"
            case "float":
                number: int | float = float(text)
                fits = math.isfinite(number)
            case _:
                base = {"int": 10, "hex": 16, "oct": 8}[kind]
                number = int(text, base) if len(text) < 100 else _INT_LIMIT
                fits = -_INT_LIMIT <= number < _INT_LIMIT
        if not fits:
            shown = text if len(text) <= 24 else f"{text[:20]}…"
            self._note(codes.AMBIGUOUS, f"the number `{shown}` is too large", event.start_mark, "put it in quotes")
        return number

    def _no_tag(self, event: Any) -> None:
        if event.tag is not None:
            self._note(codes.TAG, f"the tag `{event.tag}` is not allowed", event.start_mark, "remove it")


def _syntax_problem(path: str, text: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that may not stand in YAML at all
        position = int(getattr(error, "position", 0) or 0)
        line = text.encode("utf-8", "replace").count(b"\n", 0, position) + 1
        return Problem(codes.SYNTAX, "the file holds a control character", Location(path, line))
    where = Location(path, mark.line + 1, mark.column + 1)
    lines = text.split("\n")
    if mark.line < len(lines) and _indented_by_tab(lines[mark.line], mark.column):
        return Problem(codes.TAB, "a tab is used for indentation", where, "use spaces")
    reason = str(getattr(error, "problem", "") or "unreadable")
    context = getattr(error, "context", None)
    since = getattr(error, "context_mark", None)
    start = f" that starts in line {since.line + 1}" if since is not None else ""
    detail = f" ({context}{start})" if context else ""
    return Problem(codes.SYNTAX, f"not readable as YAML: {reason}{detail}", where)


def _indented_by_tab(line: str, column: int) -> bool:
    before = line[: column + 1]
    return "\t" in before and not before.strip()


__all__ = ["DEPTH_LIMIT", "SIZE_LIMIT", "Document", "Marks", "Path", "parse"]
