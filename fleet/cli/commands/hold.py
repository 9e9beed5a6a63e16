"""`fleet hold`: keep an app as it is in an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hold", rich_help_panel="Change")(hold)


def hold(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="Which app.")],
    environment: Annotated[
        str, typer.Option("-e", "--env", "--environment", metavar="ENV", help="Where it stays as it is.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; others will read it.")],
    output: OutputForm = "table",
) -> None:
    """Keep an app as it is in an environment, until somebody releases the hold.

    Promotions of the app into the environment are neither opened nor merged meanwhile; rollbacks are. `fleet rollback`
    puts such a hold by itself.

    \b
    Examples:
      fleet hold bookinfo -e prod --reason "1.18 loses orders"

    Exit codes: 0 held, 2 wrong usage, 5 the remote cannot be reached.
    """
    from fleet.console.views.restrictions import show_hold
    from fleet.operations.restrictions import hold as make_hold

    session = Session.of(context, output)
    services = session.services
    report = make_hold(
        app,
        environment,
        reason,
        repository=services.repository,
        loader=services.loader,
        branch=services.branch,
        restrictions=services.restrictions,
        clock=services.clock,
    )
    session.show("fleet.hold/v1", report, lambda terminal: show_hold(terminal, report))
    session.next(f"fleet release-hold {app} -e {environment}")
