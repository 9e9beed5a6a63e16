"""`fleet test`: put scenarios before the policies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode, UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("test", rich_help_panel="Start")(test)


def test(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Files of scenarios, or directories of them; otherwise `policies/`."),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="Test this commit instead of the files on disk."),
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Test the policies of the fleet: put scenarios before the gates, and compare what these say.

    A scenario tells a promotion, a time and what is observed; and what is expected: verdicts of gates, and whether the
    pull request may be opened and merged. The gates are those of `fleet promote`, with the policies on disk. What a
    scenario does not tell is not known, and gates that need it are pending. Asks no cluster, no service and no clock.
    `-o github` prints annotations for pull requests, `-o junit=FILE` also writes a report for CI.

    \b
    Examples:
      fleet test
      fleet test policies/freeze.yaml
      fleet test --revision HEAD -o github
      fleet test -o junit=policies.xml

    Exit codes: 0 everything is as expected, 1 something is not, 2 the scenarios or the fleet cannot be read, or there
    is no scenario.
    """
    from fleet.console.output import problem_data
    from fleet.console.views.policy_test import show_policy_tests, show_test_annotations
    from fleet.operations.policy_test import run_policy_tests

    session = Session.of(context, output)
    services = session.services
    report = run_policy_tests(
        tuple(_place(path, session.settings.repository, services.root) for path in paths or ()),
        repository=services.repository,
        loader=services.loader,
        scenarios=services.scenarios,
        branch=services.branch,
        revision=revision,
    )
    ok = not (report.problems or report.broken)
    show = show_test_annotations if session.output.form == "github" else show_policy_tests
    if session.output.form == "junit":
        _write_junit(session, report)
    if session.output.form != "junit" or session.output.file is not None:
        errors = [problem_data(problem) for problem in report.problems]
        session.show("fleet.test/v1", report, lambda terminal: show(terminal, report), ok=ok, errors=errors)
    if not ok:
        session.exit(ExitCode.USAGE if report.problems else ExitCode.NO)


def _place(path: Path, start: Path, root: Path) -> str:
    """Return a path as the fleet's repository has it.

    Raises:
        UsageError: it is outside.
    """
    place = os.path.relpath(os.path.abspath(start / path), os.path.abspath(root))  # noqa: PTH100, links stay as they are
    if place.startswith(".."):
        raise UsageError(f"`{path}` is outside of the fleet in {root}")
    return "" if place == "." else Path(place).as_posix()


def _write_junit(session: Session, report: object) -> None:
    from fleet.console.junit import junit
    from fleet.model.policy_report import PolicyTestReport

    assert isinstance(report, PolicyTestReport)  # noqa: S101
    text = junit(report)
    if session.output.file is None:
        session.terminal.write(text)
        return
    try:
        session.output.file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{session.output.file}` cannot be written: {error.strerror}") from error
