"""How problems of files look: grouped by file, each with its place and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from fleet.console.terminal import Terminal
from fleet.errors import Problem

_STYLES = {"error": "red", "warning": "yellow"}


def show_problems(terminal: Terminal, problems: Iterable[Problem]) -> None:
    """Print problems that are sorted by file."""
    for path, group in groupby(problems, key=_path):
        terminal.print(path or "(no file)", "bold")
        for problem in group:
            _show(terminal, problem)
        terminal.print()


def _show(terminal: Terminal, problem: Problem) -> None:
    at = problem.location
    place = f"{at.line}:{at.column}" if at and at.line and at.column else str(at.line) if at and at.line else "-"
    terminal.print(f"  {place:<8}{problem.severity:<8} {problem.code}  {problem.message}", _STYLES[problem.severity])
    if problem.hint:
        for line in problem.hint.splitlines():
            terminal.print(f"          hint: {line}")


def _path(problem: Problem) -> str:
    return problem.location.path if problem.location else ""
