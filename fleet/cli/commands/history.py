"""`fleet history`: what was released, promoted and rolled back."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.cli.times import parse_since
from fleet.errors import UsageError

Fetch = Annotated[bool, typer.Option("--fetch/--no-fetch", help="Ask the remote for what is new first / do not.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("history", rich_help_panel="Look")(history)


def history(
    context: typer.Context,
    environment: Annotated[
        str | None, typer.Argument(metavar="[ENV]", help="Only this environment; or `show`, for one entry.")
    ] = None,
    entry: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="With `show`: digits of the first column.")
    ] = None,
    app: Annotated[str | None, typer.Option("-a", "--app", metavar="APP", help="Only this app.")] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=0, metavar="N", help="How many; 0 is all.")] = 20,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only from then on: `2026-08-01`, or `7d`.")
    ] = None,
    fetch: Fetch = True,
    output: OutputForm = "table",
) -> None:
    """Show what was released, promoted and rolled back, from git alone.

    Every change of a release on the protected branch, newest first, with who made it and the pull request that brought
    it. Commits that people made by hand are there too: what they were is told from the pins, and marked with `~`; what
    cannot be told is `manual`. Any clone can tell it; no store and no forge are asked.

    \b
    Examples:
      fleet history
      fleet history prod -a bookinfo -n 5
      fleet history --since 7d -o json
      fleet history show 4f1c2e0a9b31      # one entry, with gates, approvals and decision

    Exit codes: 0 done, 2 there is no such environment, app or entry.
    """
    session = Session.of(context, output)
    if environment == "show" and entry is not None:
        _show_one(session, entry, fetch=fetch)
        return
    if entry is not None:
        raise UsageError(
            f"`{entry}` is one argument too many",
            hints=(f"fleet history {environment} -a {entry}", "fleet history show ID"),
        )
    from fleet.console.views.history import show_history
    from fleet.operations.history import Query, read_history

    services = session.services
    query = Query(
        environment=environment,
        app=app,
        limit=number or None,
        since=parse_since(since, services.clock.now()) if since else None,
    )
    entries = read_history(
        query,
        repository=services.repository,
        loader=services.loader,
        pin_editor=services.pin_editor,
        branch=services.branch,
        reporter=session.reporter,
        fetch=fetch,
    )
    wide = session.output.form == "wide"
    session.show("fleet.history/v1", entries, lambda terminal: show_history(terminal, entries, wide=wide))
    if entries:
        session.next(f"fleet history show {entries[0].id}")


def _show_one(session: Session, entry: str, *, fetch: bool) -> None:
    from fleet.console.views.history import show_entries
    from fleet.operations.history import find_entries

    services = session.services
    entries = find_entries(
        entry,
        repository=services.repository,
        loader=services.loader,
        pin_editor=services.pin_editor,
        ledger=services.ledger,
        branch=services.branch,
        reporter=session.reporter,
        fetch=fetch,
    )
    session.show("fleet.history.show/v1", entries, lambda terminal: show_entries(terminal, entries))
