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

import typer

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
    """Plain lines with a little colour. Only what moves needs rich, which takes long to import."""

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
        self._err: Console | None = None

    @property
    def err(self) -> Console:
        """Console for progress bars."""
        if self._err is None:
            from rich.console import Console

            self._err = Console(
                file=self._stderr,
                force_terminal=self._coloured(self._stderr) or None,
                no_color=not self._coloured(self._stderr),
                highlight=False,
                markup=False,
                emoji=False,
                soft_wrap=True,
            )
        return self._err

    def write(self, text: str) -> None:
        """Write data, as it is, with a newline."""
        self._stdout.write(text + "\n")

    def print(self, text: str = "", style: str | None = None) -> None:
        """Print one line of data for people; ``style`` is like `bold red`."""
        self.write(self._painted(text, style, self._stdout))

    def talk(self, text: str = "", style: str | None = None, *, end: str = "\n") -> None:
        """Print one line on stderr, whatever the verbosity."""
        if self._err is not None:  # it knows how to write above a progress bar
            self._err.print(clean(text), style=style, end=end)
            return
        self._stderr.write(self._painted(text, style, self._stderr) + end)
        self._stderr.flush()

    def _painted(self, text: str, style: str | None, stream: TextIO) -> str:
        plain = clean(text)
        if not style or not plain or not self._coloured(stream):
            return plain
        *attributes, last = style.split()
        colour = None if last in ("bold", "dim") else last
        words = {*attributes, last}
        return typer.style(plain, fg=colour, bold="bold" in words or None, dim="dim" in words or None)

    def _coloured(self, stream: TextIO) -> bool:
        """Say whether colour is wanted; see https://no-color.org and https://force-color.org."""
        if self.color in ("always", "never"):
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")

    def say(self, level: Level, text: str) -> None:
        """Print a line of talk; debug lines only with `-v`, steps and successes not with `-q`."""
        if level is Level.DEBUG and self.verbosity < 1:
            return
        if self.verbosity < 0 and level not in (Level.WARN, Level.FAIL, Level.HINT):
            return
        symbol, ascii_symbol, style = _STYLE[level]
        self.talk(f"{symbol if self.unicode else ascii_symbol} {text}", style)

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
