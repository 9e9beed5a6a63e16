"""Edits the `release:` block of a pin and nothing else.

The parser says where each token of the block stands; only the tokens that change are replaced in the text. So layout,
quotes, comments and line ends stay as they are, inside the block too: a comment belongs to the key that it stands above
or behind, and stays as long as that key does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleet.adapters.config import codes, wording
from fleet.adapters.config.document import parse
from fleet.adapters.config.spans import Span, mapping_spans
from fleet.errors import ConfigError, InternalError, Location
from fleet.model.release import Pin, Release

_ORDER = ("version", "revision", "images", "values")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*")
_NEW_PIN = b"# The `release:` block belongs to fleet; `values:` belong to the people of this environment.\n"


class YamlPinEditor:
    """Implements :class:`fleet.ports.config.PinEditor`."""

    def read(self, content: bytes, path: str) -> Release | None:
        """Return the release of a pin file.

        Raises:
            ConfigError: the file cannot be read.
        """
        if not content.strip():
            return None
        return _pin(content, path).release

    def write(self, content: bytes | None, release: Release, path: str) -> bytes:
        """Return the file with this release; every byte outside the `release:` block stays as it is.

        ``None`` makes a new file. Writing the release that is there returns the same bytes.

        Raises:
            ConfigError: the file cannot be read, or is written in a style that cannot be edited.
        """
        if content is None or not content.strip():
            return (content or _NEW_PIN) + _block(release, "\n").encode()
        if self.read(content, path) == release:
            return content
        text = content.decode("utf-8")
        result = _with_release(text, release, path).encode()
        before, after = _pin(content, path), _pin(result, path)
        if after != before.model_copy(update={"release": release}):
            raise InternalError(f"editing `{path}` would not give the release that was asked for")
        return result

    def restore(self, content: bytes, earlier: bytes, path: str) -> bytes:
        """Return the file with the `release:` block of an earlier version of it, byte for byte.

        Raises:
            ConfigError: one of the two cannot be read, or is written in a style that cannot be edited.
        """
        now, then = self.read(content, path), self.read(earlier, path)
        if now is not None and self.write(earlier, now, path) == content:
            return earlier
        text, old = content.decode("utf-8"), earlier.decode("utf-8")
        here, there = _release_span(text, path), _release_span(old, path)
        block = old[there.start : there.line_end(old)] if there is not None else ""
        if here is None:
            at = _insertion_point(text, path)
            result = text[:at] + _ended(block) + text[at:]
        else:
            end = here.line_end(text)
            result = text[: here.line_start(text)] + (_ended(block) if end < len(text) else block) + text[end:]
        after = _pin(result.encode(), path) if result.strip() else Pin()
        if after.release != then:
            raise InternalError(f"editing `{path}` would not give the release that was asked for")
        return result.encode()


def _pin(content: bytes, path: str) -> Pin:
    document, problems = parse(path, content)
    pin = None
    if document is not None and not problems:
        pin, problems = wording.validate(Pin, document)
    if pin is None:
        raise ConfigError(f"the pin `{path}` cannot be read", problems=problems)
    return pin


def _not_editable(path: str, reason: str) -> ConfigError:
    return ConfigError(
        f"the pin `{path}` cannot be edited by machine: {reason}",
        code=codes.NOT_EDITABLE,
        location=Location(path),
        hints=("write the top level in block style, with `release:` on a line of its own",),
    )


def _top(text: str, path: str) -> tuple[Span, ...]:
    root = mapping_spans(text)
    if root.flow and root.entries:
        raise _not_editable(path, "its top level is in flow style")
    return root.entries


def _release_span(text: str, path: str) -> Span | None:
    return next((entry for entry in _top(text, path) if entry.key == "release"), None)


def _insertion_point(text: str, path: str) -> int:
    entries = _top(text, path)
    if not entries:
        raise _not_editable(path, "it is an empty mapping")
    return entries[0].line_start(text)


def _ended(block: str) -> str:
    return block if not block or block.endswith("\n") else f"{block}\n"


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_release(text: str, release: Release, path: str) -> str:
    span = _release_span(text, path)
    newline = _newline(text)
    if span is None:
        root = mapping_spans(text)
        if not root.entries:  # `{}` and nothing else
            rest = text[root.value_end :]
            return text[: root.value_start] + _block(release, newline) + rest.removeprefix(newline)
        at = _insertion_point(text, path)
        indent = " " * _top(text, path)[0].column
        return text[:at] + _indented(_block(release, newline), indent) + text[at:]
    if span.flow or not span.entries:
        return _replaced(text, span, release, newline)
    edits: list[_Edit] = []
    _edit_mapping(text, span, _data(release), edits, newline, _ORDER)
    return _applied(text, edits)


def _data(release: Release) -> dict[str, Any]:
    """Return the block as data: empty mappings are left out."""
    data: dict[str, Any] = {"version": release.version, "revision": release.revision}
    if release.images:
        data["images"] = dict(sorted(release.images.items()))
    if release.values:
        data["values"] = dict(sorted(release.values.items()))
    return data


def _block(release: Release, newline: str) -> str:
    """Return a fresh block, in the stable order version, revision, images, values."""
    return newline.join(["release:", *_lines(_data(release), "  "), ""])


def _lines(data: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        lines.extend(_entry(key, value, indent))
    return lines


def _entry(key: str, value: Any, indent: str) -> list[str]:
    if key in ("images", "values") and isinstance(value, Mapping):
        return [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
    return [f"{indent}{_scalar(key)}: {_scalar(value)}"]


def _scalar(value: Any) -> str:
    """Return a value on one line: plain where that is safe, otherwise as JSON, which is YAML too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not value.endswith(":"):
        document, problems = parse("value", f"value: {value}".encode())
        if document is not None and not problems and document.data == {"value": value}:
            return value
    return "".join(c if c.isprintable() else _escape(c) for c in json.dumps(value, ensure_ascii=False))


def _escape(character: str) -> str:
    """Return a character in the form that YAML knows; JSON's pairs of surrogates it does not."""
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _indented(block: str, indent: str) -> str:
    return "".join(f"{indent}{line}" for line in block.splitlines(keepends=True)) if indent else block


def _replaced(text: str, span: Span, release: Release, newline: str) -> str:
    """Replace a block that is empty or in flow style by one in block style."""
    lines = _lines(_data(release), " " * (span.column + 2))
    head, tail = text[: span.value_start], text[span.value_end : span.line_end(text)]
    rest = text[span.line_end(text) :]
    head = head if tail.strip() else head.rstrip()
    return f"{head.rstrip(' ')}{tail.rstrip()}{newline}{newline.join(lines)}{newline}{rest}"


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def _applied(text: str, edits: list[_Edit]) -> str:
    """Carry out edits that do not overlap. Of two at the same place, the inner one (collected first) comes first."""
    ordered = sorted(enumerate(edits), key=lambda item: (item[1].start, item[1].end, item[0]))
    for _, edit in reversed(ordered):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _edit_mapping(
    text: str, span: Span, wanted: Mapping[str, Any], edits: list[_Edit], newline: str, order: tuple[str, ...] = ()
) -> None:
    """Collect the edits that give a mapping in block style these keys and values."""
    indent = " " * span.entries[0].column
    there = {entry.key: entry for entry in span.entries}
    for entry in span.entries:
        if entry.key not in wanted:
            start = entry.comment_start(text)
            edits.append(_Edit(start, entry.line_end(text), ""))
        elif entry.value != wanted[entry.key]:
            _edit_value(text, entry, wanted[entry.key], edits, newline)
    rank = {key: number for number, key in enumerate(order or sorted({*there, *wanted}))}
    kept = [entry for entry in span.entries if entry.key in wanted]
    added: dict[int, list[str]] = {}
    for key in (key for key in wanted if key not in there):
        before = [entry for entry in kept if rank[entry.key] < rank[key]]
        at = before[-1].line_end(text) if before else span.entries[0].comment_start(text)
        added.setdefault(at, []).extend(_entry(key, wanted[key], indent))
    for at, lines in added.items():
        lead = newline if at > 0 and text[at - 1] != "\n" else ""
        edits.append(_Edit(at, at, lead + newline.join(lines) + newline))


def _edit_value(text: str, entry: Span, value: Any, edits: list[_Edit], newline: str) -> None:
    if isinstance(value, Mapping) and entry.entries and not entry.flow:
        _edit_mapping(text, entry, value, edits, newline)
    elif isinstance(value, Mapping) and entry.flow:
        edits.append(_Edit(entry.value_start, entry.value_end, _flow(value)))
    elif isinstance(value, Mapping) and value and entry.column >= 0 and entry.key in ("images", "values"):
        lines = newline.join(_lines(value, " " * (entry.column + 2)))
        edits.append(_Edit(entry.value_start, entry.value_end, ""))
        end = entry.line_end(text)
        lead = "" if text[end - 1] == "\n" else newline
        edits.append(_Edit(end, end, lead + lines + newline))
    else:
        space = "" if text[entry.value_start - 1].isspace() else " "
        edits.append(_Edit(entry.value_start, entry.value_end, space + _scalar(value)))


def _flow(value: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{_scalar(key)}: {_scalar(item)}" for key, item in value.items()) + "}"
