"""`fleet why`: what is in the way of one promotion."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.moments import moment
from fleet.cli.options import OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("why", rich_help_panel="Look")(why)


def why(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="Which app.")],
    environment: Annotated[
        str, typer.Option("-e", "--env", "--environment", metavar="ENV", help="The environment that it goes to.")
    ],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Judge it for this time, with what is observed now."),
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Explain what is in the way of one app on its way into an environment.

    Tells each gate with its verdict and reason, since when, who can clear it, and the earliest time at which it could
    pass by itself. Of an open pull request these are the gates that hold its merge. Changes nothing.

    \b
    Examples:
      fleet why bookinfo --env prod
      fleet why bookinfo --env prod --at 2026-12-24T18:00

    Exit codes: 0 nothing is in the way, or there is nothing to promote; 1 it cannot be planned; 2 wrong usage; 4 a
    gate holds it; 5 the remote cannot be reached.
    """
    from fleet.console.views.forecast import next_of, show_outlook
    from fleet.errors import ExitCode
    from fleet.operations.forecast import why as explain

    session = Session.of(context, output)
    report = explain(session.services.desk, app, environment, at=moment("--at", at))
    session.show("fleet.why/v1", report, lambda terminal: show_outlook(terminal, report), ok=report.error is None)
    advice = next_of(report)
    if advice:
        session.next(advice)
    if report.error is not None:
        session.exit(ExitCode(report.error.exit_code))
    if report.held_by and not report.nothing_to_do:
        session.exit(ExitCode.BLOCKED)
