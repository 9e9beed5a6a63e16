"""How an error looks to a person: what, where, and what to do next."""

from __future__ import annotations

from fleet.console.terminal import Terminal
from fleet.errors import ConfigError, FleetError, Problem


def show_error(terminal: Terminal, error: FleetError) -> None:
    """Print an error to stderr."""
    if isinstance(error, ConfigError) and error.problems:
        show_problems(terminal, error.problems)
        terminal.talk(f"error[{error.code}]: {error.message}", style="bold red")
    else:
        hint = "\n".join(error.hints) or None
        show_problem(terminal, Problem(error.code, error.message, error.location, hint))


def show_problems(terminal: Terminal, problems: tuple[Problem, ...]) -> None:
    """Print problems to stderr, in the order of file and line."""
    for problem in sorted(problems, key=_place):
        show_problem(terminal, problem)
        terminal.talk()


def show_problem(terminal: Terminal, problem: Problem) -> None:
    """Print one problem to stderr."""
    style = "red" if problem.severity == "error" else "yellow"
    terminal.talk(f"{problem.severity}[{problem.code}]: {problem.message}", style=style)
    if problem.location is not None:
        terminal.talk(f"  at {problem.location!s}")
    if problem.hint:
        terminal.talk()
        for line in problem.hint.splitlines():
            terminal.talk(f"hint: {line}", style="cyan")


def _place(problem: Problem) -> tuple[str, int, int, str]:
    at = problem.location
    return (at.path, at.line or 0, at.column or 0, problem.code) if at else ("", 0, 0, problem.code)
