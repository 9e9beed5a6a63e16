"""`fleet locks`: list locks, holds and rejected releases."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("locks", rich_help_panel="Look")(locks)


def locks(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Locks that have ended, too.")] = False,
    output: OutputForm = "table",
) -> None:
    """List locks, holds and rejected releases: who, why, since and until when.

    \b
    Examples:
      fleet locks
      fleet locks --all -o json
      git log refs/fleet-mirror/origin/restrictions      # who changed what, and why

    Exit codes: 0 done, 1 what is kept in git cannot be read, 5 the remote cannot be reached.
    """
    from fleet.console.views.restrictions import show_restrictions
    from fleet.operations.restrictions import list_restrictions

    session = Session.of(context, output)
    services = session.services
    report = list_restrictions(restrictions=services.restrictions, clock=services.clock)
    if session.output.form == "name":
        for lock in (*report.locks, *(report.expired if everything else ())):
            session.terminal.print(lock.id)
        return
    if not everything:
        report = report.model_copy(update={"expired": ()})
    session.show("fleet.locks/v1", report, lambda terminal: show_restrictions(terminal, report))
