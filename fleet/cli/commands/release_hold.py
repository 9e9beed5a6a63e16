"""`fleet release-hold`: let promotions of an app through again."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("release-hold", rich_help_panel="Change")(release_hold)


def release_hold(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="Which app.")],
    environment: Annotated[
        str, typer.Option("-e", "--env", "--environment", metavar="ENV", help="Where it may change again.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = "",
    output: OutputForm = "table",
) -> None:
    """Let promotions of an app into an environment through again.

    \b
    Examples:
      fleet release-hold bookinfo -e prod --reason "fixed in 1.18.1"

    Exit codes: 0 released, or released before; 2 there never was such a hold; 5 the remote cannot be reached.
    """
    from fleet.console.views.restrictions import show_released
    from fleet.operations.restrictions import release_hold as remove_hold

    session = Session.of(context, output)
    services = session.services
    report = remove_hold(app, environment, reason, repository=services.repository, restrictions=services.restrictions)
    session.show("fleet.release-hold/v1", report, lambda terminal: show_released(terminal, report))
