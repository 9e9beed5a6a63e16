"""The terminal: data goes to stdout, talk goes to stderr. Everything that is printed passes here.

Text that comes from a repository, a forge or a cluster is cleaned of control characters first
(:func:`clean`), so that it can neither move the cursor nor set links or titles.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from fleet.model.events import Level

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_STYLE = {
    Level.STEP: ("►", ">", "bold"),
    Level.WAIT: ("◎", "~", "cyan"),
    Level.OK: ("✔", "+", "green"),
    Level.WARN: ("⚠", "!", "yellow"),
    Level.FAIL: ("✗", "x", "red"),
    Level.HINT: ("→", "-", "cyan"),
    Level.DEBUG: ("·", ".", "dim"),
}


def clean(text: str) -> str:
    """Return a text without escape sequences and control characters; tabs and newlines stay."""
    return _CONTROL.sub("", text)


class Terminal:
    """Two rich consoles, made when first used: importing rich costs more than most commands need."""

    def __init__(
        self,
        *,
        color: str = "auto",
        verbosity: int = 0,
        progress: bool = True,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.color = color
        self.verbosity = verbosity
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self.live = progress and verbosity <= 0 and self._stderr.isatty() and not os.environ.get("CI")
        """Whether moving progress bars may be drawn."""
        self.unicode = (getattr(self._stderr, "encoding", "") or "").lower().replace("-", "") == "utf8"
        self._out: Console | None = None
        self._err: Console | None = None

    @property
    def out(self) -> Console:
        """Console for data."""
        if self._out is None:
            self._out = self._console(self._stdout)
        return self._out

    @property
    def err(self) -> Console:
        """Console for talk."""
        if self._err is None:
            self._err = self._console(self._stderr)
        return self._err

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        forced = {"always": True, "never": False}.get(self.color)
        return Console(
            file=stream,
            force_terminal=forced,
            no_color=forced is False or None,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def write(self, text: str) -> None:
        """Write data, as it is, with a newline."""
        self._stdout.write(text + "\n")

    def print(self, text: str = "", style: str | None = None) -> None:
        """Print one line of data for people."""
        if style is None and self._out is None:
            self.write(clean(text))
        else:
            self.out.print(clean(text), style=style)

    def say(self, level: Level, text: str) -> None:
        """Print a line of talk; debug lines only with `-v`, steps and successes not with `-q`."""
        if level is Level.DEBUG and self.verbosity < 1:
            return
        if self.verbosity < 0 and level not in (Level.WARN, Level.FAIL, Level.HINT):
            return
        symbol, ascii_symbol, style = _STYLE[level]
        self.err.print(f"{symbol if self.unicode else ascii_symbol} {clean(text)}", style=style)

    def flush(self) -> None:
        """Write out what is buffered, before another process writes to the same terminal."""
        self._stdout.flush()
        self._stderr.flush()

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, styles: Sequence[str | None] = ()
    ) -> None:
        """Print a plain table: upper-case headings, two spaces between columns, no frames, nothing cut.

        ``styles`` gives a style per row. A cell may be empty; it is shown as `-`.
        """
        cells = [[clean(c) or "-" for c in row] for row in rows]
        widths = [max([len(h), *(len(row[i]) for row in cells)]) for i, h in enumerate(columns)]
        self.print("  ".join(h.ljust(w) for h, w in zip(columns, widths, strict=True)).rstrip(), "bold")
        for number, row in enumerate(cells):
            line = "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            self.print(line, styles[number] if number < len(styles) else None)
