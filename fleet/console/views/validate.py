"""How the result of `fleet validate` looks."""

from __future__ import annotations

from fleet.console.annotations import of_problem
from fleet.console.problems import show_problems
from fleet.console.terminal import Terminal
from fleet.model.durations import human
from fleet.operations.validate import ValidationReport


def show_validation(terminal: Terminal, report: ValidationReport) -> None:
    """Print problems grouped by file, then one line with counts and time."""
    show_problems(terminal, report.problems)
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
    """Print problems as annotations of a pull request."""
    for problem in report.problems:
        terminal.write(of_problem(problem))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
