"""Where the parts of a YAML mapping stand in its text, by character, for edits that leave the rest alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from fleet.adapters.config.document import parse

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Span:
    """One entry of a mapping (or the whole mapping): offsets in the text, end exclusive."""

    key: str
    start: int
    """Offset of the key."""
    column: int
    """Column of the key, from 0."""
    value_start: int = 0
    value_end: int = 0
    value: Any = None
    """Plain data."""
    flow: bool = False
    """Whether the value is a mapping or list in flow style: `{a: b}`."""
    entries: tuple[Span, ...] = field(default=())
    """Entries of a value that is a mapping."""

    def line_start(self, text: str) -> int:
        """Return the offset of the line that the key stands in."""
        return text.rfind("\n", 0, self.start) + 1

    def line_end(self, text: str) -> int:
        """Return the offset after the line that the value ends in, with a comment behind it."""
        last = max(self.value_end - 1, self.start)
        if last > self.start and text[last] == "\n":  # a block scalar ends after its line
            return last + 1
        end = text.find("\n", last)
        return len(text) if end < 0 else end + 1

    def comment_start(self, text: str) -> int:
        """Return the offset of the first of the comment lines that stand right above the key."""
        start = self.line_start(text)
        while start > 0:
            previous = text.rfind("\n", 0, start - 1) + 1
            if not text[previous:start].lstrip().startswith("#"):
                break
            start = previous
        return start


def mapping_spans(text: str) -> Span:
    """Return the spans of a text that is a valid document (:func:`fleet.adapters.config.document.parse`)."""
    mark = 1 if text.startswith("\ufeff") else 0
    events = iter(yaml.parse(text[mark:], Loader=_LOADER))
    data = _data(text)
    for event in events:
        if isinstance(event, MappingStartEvent):
            root = Span("", _start(event) + mark, 0, flow=bool(event.flow_style), value=data)
            root.value_start, root.value_end = root.start, _read_mapping(events, root, mark)
            return root
    return Span("", 0, 0)


def _data(text: str) -> Any:
    document, _ = parse("text", text.encode())
    return document.data if document else {}


def _start(event: Any) -> int:
    return int(event.start_mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)


def _read_mapping(events: Iterator[Any], parent: Span, offset: int) -> int:
    """Fill in the entries of a mapping; return the offset after the last of its content."""
    entries: list[Span] = []
    end = parent.start
    while not isinstance(key := next(events), MappingEndEvent):
        name = str(key.value)
        entry = Span(name, _start(key) + offset, int(key.start_mark.column))
        entry.value = parent.value.get(name) if isinstance(parent.value, dict) else None
        end = _read_value(next(events), events, entry, offset, _end(key) + offset)
        entries.append(entry)
    parent.entries = tuple(entries)
    if parent.flow:
        end = _end(key) + offset
    return end


def _read_value(event: Any, events: Iterator[Any], entry: Span, offset: int, key_end: int) -> int:
    if isinstance(event, ScalarEvent):
        entry.value_start, entry.value_end = _start(event) + offset, _end(event) + offset
        if not event.value and event.style is None:  # nothing is written: the place behind the colon
            entry.value_start = entry.value_end = key_end + 1
        return entry.value_end
    entry.value_start = _start(event) + offset
    entry.flow = bool(event.flow_style)
    if isinstance(event, MappingStartEvent):
        inner = Span("", entry.value_start, 0, flow=entry.flow, value=entry.value)
        entry.value_end = _read_mapping(events, inner, offset)
        entry.entries = inner.entries
    else:
        entry.value_end = _read_sequence(events, event, entry.value_start, offset)
    return entry.value_end


def _read_sequence(events: Iterator[Any], start: SequenceStartEvent, end: int, offset: int) -> int:
    while not isinstance(item := next(events), SequenceEndEvent):
        end = _read_value(item, events, Span("", 0, 0), offset, _start(item) + offset)
    return _end(item) + offset if start.flow_style else end
