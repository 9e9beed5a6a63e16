"""How the result of `fleet validate` looks."""

from __future__ import annotations

from itertools import groupby

from fleet.console.terminal import Terminal, clean
from fleet.errors import Problem
from fleet.model.durations import human
from fleet.operations.validate import ValidationReport

_STYLES = {"error": "red", "warning": "yellow"}


def show_validation(terminal: Terminal, report: ValidationReport) -> None:
    """Print problems grouped by file, then one line with counts and time."""
    for path, group in groupby(report.problems, key=_path):
        terminal.print(path or "(no file)", "bold")
        for problem in group:
            _show(terminal, problem)
        terminal.print()
    checked = ", ".join(
        _count(number, noun)
        for number, noun in (
            (report.environments, "environment"),
            (report.clusters, "cluster"),
            (report.apps, "app"),
            (report.targets, "target"),
            (report.objects, "object"),
        )
    )
    verdict = f"{_count(report.errors, 'error')}, {_count(report.warnings, 'warning')}"
    style = "red" if report.errors else "yellow" if report.warnings else "green"
    terminal.print(f"{verdict} in {checked}; took {human(report.seconds)}", style)


def show_annotations(terminal: Terminal, report: ValidationReport) -> None:
    """Print problems as workflow commands, which GitHub, Gitea and Forgejo show beside the lines of a pull request.

    Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    for problem in report.problems:
        properties = []
        if problem.location is not None:
            places = (
                ("file", problem.location.path),
                ("line", problem.location.line),
                ("col", problem.location.column),
            )
            properties = [f"{key}={_property(str(value))}" for key, value in places if value is not None]
        properties.append(f"title={_property(problem.code)}")
        text = problem.message + (f"\nhint: {problem.hint}" if problem.hint else "")
        terminal.write(f"::{problem.severity} {','.join(properties)}::{_data(clean(text))}")


def _show(terminal: Terminal, problem: Problem) -> None:
    at = problem.location
    place = f"{at.line}:{at.column}" if at and at.line and at.column else str(at.line) if at and at.line else "-"
    terminal.print(f"  {place:<8}{problem.severity:<8} {problem.code}  {problem.message}", _STYLES[problem.severity])
    if problem.hint:
        for line in problem.hint.splitlines():
            terminal.print(f"          hint: {line}")


def _path(problem: Problem) -> str:
    return problem.location.path if problem.location else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")
