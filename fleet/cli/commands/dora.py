"""`fleet dora`: how software is delivered."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.cli.times import parse_since


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dora", rich_help_panel="Look")(dora)


def dora(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only from then on: `2026-08-01`, or `90d`.")
    ] = None,
    app: Annotated[str | None, typer.Option("-a", "--app", metavar="APP", help="Only this app.")] = None,
    environment: Annotated[
        str | None, typer.Option("-e", "--environment", metavar="ENV", help="Only this environment.")
    ] = None,
    definitions: Annotated[bool, typer.Option("--definitions", help="Say what each metric means.")] = False,
    fetch: Annotated[
        bool, typer.Option("--fetch/--no-fetch", help="Ask the remote for what is new first / do not.")
    ] = True,
    output: OutputForm = "table",
) -> None:
    """Measure deployment frequency, lead time, change failure rate and time to recovery, from git alone.

    For each environment and each app in it. Releases that people pinned by hand count too; what they were is told from
    the pins. Any clone can tell it; a shallow one says what it cannot know.

    \b
    Examples:
      fleet dora --since 90d
      fleet dora -e prod -a bookinfo
      fleet dora --definitions
      fleet dora --since 30d -o json

    Exit codes: 0 done, 2 there is no such app or environment.
    """
    session = Session.of(context, output)
    from fleet.console.views.dora import show_definitions, show_report
    from fleet.operations.dora import Query, measure_delivery

    services = session.services
    now = services.clock.now()
    query = Query(until=now, since=parse_since(since, now) if since else None, app=app, environment=environment)
    report = measure_delivery(
        query,
        repository=services.repository,
        loader=services.loader,
        pin_editor=services.pin_editor,
        branch=services.branch,
        reporter=session.reporter,
        fetch=fetch,
    )
    show = show_definitions if definitions else show_report
    session.show("fleet.dora/v1", report, lambda terminal: show(terminal, report))
