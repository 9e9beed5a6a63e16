"""How the result of `fleet test` looks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from fleet.console.annotations import annotation, of_problem
from fleet.console.problems import show_problems
from fleet.console.terminal import Terminal
from fleet.model.policy_report import Failure, MomentResult, PolicyTestReport, ScenarioResult


def show_policy_tests(terminal: Terminal, report: PolicyTestReport) -> None:
    """Print a line for each scenario, below it what does not hold, then how many do."""
    if report.problems:
        show_problems(terminal, report.problems)
        count = len(report.problems)
        terminal.print(f"{count} error{'' if count == 1 else 's'}; nothing was tested", "red")
        return
    for scenario in report.scenarios:
        terminal.print(f"{'ok  ' if scenario.ok else 'FAIL'}  {_title(scenario)}", "green" if scenario.ok else "red")
        for line in failure_lines(scenario):
            terminal.print(f"      {line}")
    total = f"{len(report.scenarios)} scenario{'' if len(report.scenarios) == 1 else 's'}"
    if report.broken:
        terminal.print(f"{total}: {report.held} as expected, {report.broken} not", "red")
    else:
        terminal.print(f"{total}, all as expected", "green")


def show_test_annotations(terminal: Terminal, report: PolicyTestReport) -> None:
    """Print what does not hold as annotations of a pull request."""
    for problem in report.problems:
        terminal.write(of_problem(problem))
    for scenario in report.scenarios:
        for moment in scenario.moments:
            for failure in moment.failures:
                text = "\n".join([_difference(failure), *failure.reasons])
                title = f"{scenario.name}{_when(moment)}"
                terminal.write(annotation("error", title, text, failure.location))


def failure_lines(scenario: ScenarioResult) -> Iterator[str]:
    """Yield what does not hold in a scenario, line by line."""
    for moment in scenario.moments:
        if moment.failures:
            yield f"{moment.name or 'at first'} ({moment.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
        for failure in moment.failures:
            yield f"  {failure.location}  {_difference(failure)}"
            yield from (f"    {reason}" for reason in failure.reasons)


def _difference(failure: Failure) -> str:
    return f"{failure.what}: expected {failure.expected}, found {failure.found}"


def _title(scenario: ScenarioResult) -> str:
    return f"{scenario.location.path}:{scenario.location.line}  {scenario.name}"


def _when(moment: MomentResult) -> str:
    return f", {moment.name}" if moment.name else ""
