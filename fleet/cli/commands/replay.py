"""`fleet replay`: why a past promotion was allowed."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay", rich_help_panel="Look")(replay)


def replay(
    context: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Digits of a commit of `fleet history`, or number of a pull request.")
    ],
    fetch: Annotated[
        bool, typer.Option("--fetch/--no-fetch", help="Ask the remote for what is new first / do not.")
    ] = True,
    output: OutputForm = "table",
) -> None:
    """Show why a past promotion was allowed, by deciding it again from git alone.

    Loads the fleet at the commit that the decision was made for, takes from the ledger what was observed then, and asks
    every gate again. Each gate is shown as it was recorded and as it is judged again. No cluster and no other system is
    asked, so it works in any clone.

    \b
    Examples:
      fleet replay 7                   # pull request 7
      fleet replay 4f1c2e0a9b31        # a change of `fleet history`

    Exit codes: 0 the same is decided, 1 something differs, 2 there is no such promotion, or no decision about it.
    """
    session = Session.of(context, output)
    from fleet.console.views.replay import show_replays
    from fleet.operations.replay import replay as again

    services = session.services
    found = again(
        identifier,
        ledger=services.ledger,
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        pin_editor=services.pin_editor,
        branch=services.branch,
        reporter=session.reporter,
        fetch=fetch,
    )
    ok = all(one.ok for one in found)
    session.show("fleet.replay/v1", found, lambda terminal: show_replays(terminal, found), ok=ok)
    if not ok:
        session.exit(ExitCode.NO)
