"""Finds the template line that a rendered line came from.

Only after an error: the template is rendered once more with an invisible mark in front of each of its lines. Loops,
macros and includes need no special care, since the marks travel with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jinja2.ext import Extension
from jinja2.lexer import Token

if TYPE_CHECKING:
    from jinja2.lexer import TokenStream

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([^{_CLOSE}]*):([0-9]+){_CLOSE}")

Place = tuple[str, int]
"""Name of a template and line in it, counted from 1."""


class LineMarks(Extension):
    """Puts a mark at the start of each piece of literal text, and after each newline of it."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Yield the tokens of a template, literal text with marks."""
        name = stream.name or ""
        for token in stream:
            if token.type == "data":
                lines = token.value.split("\n")
                text = "\n".join(f"{_OPEN}{name}:{token.lineno + n}{_CLOSE}{line}" for n, line in enumerate(lines))
                token = Token(token.lineno, token.type, text)
            yield token


def places(marked: str) -> tuple[list[str], list[Place | None]]:
    """Return the lines of a marked text without marks, and the place of each."""
    texts: list[str] = []
    found: list[Place | None] = []
    last: Place | None = None
    for line in marked.split("\n"):
        here: Place | None = None
        for mark in _MARK.finditer(line):
            last = (mark.group(1), int(mark.group(2)))
            if here is None or not _MARK.sub("", line[: mark.start()]).strip():
                here = last
        texts.append(_MARK.sub("", line))
        found.append(here or last)
    return texts, found


def locate(rendered: str, marked: str, line: int) -> Place | None:
    """Return the place in a template of a line (from 1) of the rendered text.

    The marks can change what a template does, where it measures or cuts its own text. Then the place of an equal
    line is taken, the nearest one.
    """
    originals = rendered.split("\n")
    texts, found = places(marked)
    index = min(max(line - 1, 0), len(originals) - 1)
    if len(texts) == len(originals):
        return found[index]
    wanted = originals[index].strip()
    same = [n for n, text in enumerate(texts) if text.strip() == wanted]
    return found[min(same, key=lambda n: abs(n - index))] if same else None
