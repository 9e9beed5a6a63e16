"""How the external programs look to a person."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.console.terminal import Terminal
from fleet.model.durations import human
from fleet.model.toolchain import InstalledTool, ToolStatus


def show_tools(terminal: Terminal, tools: Sequence[ToolStatus]) -> None:
    """Print a table of all programs."""
    rows = []
    styles: list[str | None] = []
    for tool in tools:
        found = tool.found or ("unknown" if tool.path else "missing")
        note = tool.note or ("optional" if tool.optional and tool.path is None else "")
        rows.append(
            (tool.name, tool.wanted, found, tool.source.value if tool.source else "", str(tool.path or ""), note)
        )
        styles.append(None if tool.path else "dim" if tool.optional else "yellow")
    terminal.table(("NAME", "WANTED", "FOUND", "SOURCE", "PATH", "NOTE"), rows, styles=styles)


def show_installed(terminal: Terminal, tools: Sequence[InstalledTool]) -> None:
    """Print what is ready now, and what it took."""
    rows = [
        (tool.name, tool.version, tool.source.value, human(tool.seconds) if tool.seconds else "", str(tool.path))
        for tool in tools
    ]
    terminal.table(("NAME", "VERSION", "SOURCE", "TOOK", "PATH"), rows)
