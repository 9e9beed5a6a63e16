"""`fleet validate`: check everything that the fleet declares and renders."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import Environments, OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("validate", rich_help_panel="Start")(validate)


def validate(
    context: typer.Context,
    environments: Environments = None,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="Check this commit instead of the files on disk."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail the check, too.")] = False,
    output: OutputForm = "table",
) -> None:
    """Check everything that the fleet declares and renders, and report every problem at once.

    Reads the files on disk, committed or not. All files are checked, alone and against each other; then each target is
    rendered at its pinned revision, and each app as it stands, so that an error is found before it is released.
    No cluster is needed. `-o github` prints annotations for pull requests.

    \b
    # everything, as it stands on disk
    fleet validate
    # in CI: a commit, with warnings as errors, shown beside the lines of the pull request
    fleet validate --revision HEAD --strict -o github
    # render one environment only
    fleet validate -e prod

    \b
    Exit status: 0 no error, 1 errors (with --strict also warnings), 2 this is no fleet, or wrong usage.
    """
    from fleet.console.output import problem_data
    from fleet.console.views.validate import show_annotations, show_validation
    from fleet.operations.common.loading import NO_FLEET
    from fleet.operations.validate import validate as run

    session = Session.of(context, output)
    services = session.services
    report = run(
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        clock=services.clock,
        branch=services.branch,
        revision=revision,
        environments=tuple(environments or ()),
    )
    ok = report.errors == 0 and not (strict and report.warnings)
    show = show_annotations if session.output.form == "github" else show_validation
    errors = [problem_data(problem) for problem in report.problems if problem.severity == "error"]
    session.show("fleet.validate/v1", report, lambda terminal: show(terminal, report), ok=ok, errors=errors)
    services.close()
    if not ok:
        no_fleet = any(problem.code == NO_FLEET for problem in report.problems)
        session.exit(ExitCode.USAGE if no_fleet else ExitCode.NO)
