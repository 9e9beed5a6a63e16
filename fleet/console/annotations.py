"""Workflow commands, which GitHub, Gitea and Forgejo show beside the lines of a pull request.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from fleet.console.terminal import clean
from fleet.errors import Location, Problem


def annotation(level: str, title: str, text: str, location: Location | None) -> str:
    """Return an annotation (`error` or `warning`) of a place in a file."""
    properties = []
    if location is not None:
        places = (("file", location.path), ("line", location.line), ("col", location.column))
        properties = [f"{key}={_property(str(value))}" for key, value in places if value is not None]
    properties.append(f"title={_property(title)}")
    return f"::{level} {','.join(properties)}::{_data(clean(text))}"


def of_problem(problem: Problem) -> str:
    """Return the annotation of a problem."""
    text = problem.message + (f"\nhint: {problem.hint}" if problem.hint else "")
    return annotation(problem.severity, problem.code, text, problem.location)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")
