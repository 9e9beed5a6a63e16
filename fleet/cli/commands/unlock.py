"""`fleet unlock`: remove a lock."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("unlock", rich_help_panel="Change")(unlock)


def unlock(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Name of the lock; see `fleet locks`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if it belongs to somebody else; that is recorded.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = "",
    output: OutputForm = "table",
) -> None:
    """Remove a lock, so that promotions go on.

    A lock of somebody else needs `--force`. Who removed it, and by force or not, stays in the log of the locks.

    \b
    Examples:
      fleet unlock prod
      fleet unlock eu-network --force --reason "the works are over, Ada is away"

    Exit codes: 0 unlocked, or unlocked before; 1 it belongs to somebody else; 2 there never was such a lock; 5 the
    remote cannot be reached.
    """
    from fleet.console.views.restrictions import show_unlock
    from fleet.operations.restrictions import unlock as remove_lock

    session = Session.of(context, output)
    services = session.services
    report = remove_lock(
        identifier, reason, force=force, repository=services.repository, restrictions=services.restrictions
    )
    session.show("fleet.unlock/v1", report, lambda terminal: show_unlock(terminal, report))
