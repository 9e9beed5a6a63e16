"""`fleet plan`: every promotion that could happen."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.moments import moment
from fleet.cli.options import Apps, Environments, OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", rich_help_panel="Look")(plan)


def plan(
    context: typer.Context,
    environment: Environments = None,
    app: Apps = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Work it out for this time, with what is observed now."),
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Show every promotion that could happen, what is in its way, and from when on.

    Reads the same plan as `fleet promote`, for every app that an environment has in another release than the one
    before it. With `--at`, windows, freezes, soaks and expiring locks are judged for that time; what the clusters say
    is what they say now. Changes nothing.

    \b
    Examples:
      fleet plan
      fleet plan -e prod --at 2026-12-24T18:00
      fleet plan -o json

    Exit codes: 0 done, 1 the fleet is invalid, 2 wrong usage, 5 the remote cannot be reached.
    """
    from fleet.console.views.forecast import show_forecast
    from fleet.operations.forecast import forecast

    session = Session.of(context, output)
    wanted = moment("--at", at)
    report = forecast(session.services.desk, at=wanted, environments=environment or (), apps=app or ())
    session.show("fleet.plan/v1", report, lambda terminal: show_forecast(terminal, report))
    first = next((one for one in report.outlooks), None)
    if first is not None:
        session.next(f"fleet why {first.app} --env {first.environment}")
