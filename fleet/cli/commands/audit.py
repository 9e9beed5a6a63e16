"""`fleet audit`: the ledger of decisions."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.cli.times import parse_since
from fleet.errors import ExitCode

Fetch = Annotated[bool, typer.Option("--fetch/--no-fetch", help="Ask the remote for what is new first / do not.")]
Since = Annotated[str | None, typer.Option("--since", metavar="DATE", help="Only from then on: `2026-08-01`, or `7d`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("log")(log)
    group.command("verify")(verify)
    app.add_typer(group, name="audit", help="Read and check the ledger of decisions.", rich_help_panel="Look")


def log(
    context: typer.Context,
    app: Annotated[str | None, typer.Option("-a", "--app", metavar="APP", help="Only this app.")] = None,
    environment: Annotated[
        str | None, typer.Option("-e", "--environment", metavar="ENV", help="Only this environment.")
    ] = None,
    since: Since = None,
    number: Annotated[int, typer.Option("-n", "--number", min=0, metavar="N", help="How many; 0 is all.")] = 20,
    fetch: Fetch = True,
    output: OutputForm = "table",
) -> None:
    """Show what was decided: promotions that the gates let pass, overrides, merges, rollbacks; newest first.

    The ledger is a chain of entries in the git remote itself (`refs/fleet/ledger`). JSON has everything that each
    decision was made of.

    \b
    Examples:
      fleet audit log
      fleet audit log -a bookinfo -e prod -n 5
      fleet audit log --since 30d -n 0 -o json

    Exit codes: 0 done, 1 the ledger cannot be read.
    """
    session = Session.of(context, output)
    from fleet.console.views.audit import show_log
    from fleet.operations.audit import Query, read_log

    services = session.services
    query = Query(
        app=app,
        environment=environment,
        since=parse_since(since, services.clock.now()) if since else None,
        limit=number or None,
    )
    entries = read_log(
        query, ledger=services.ledger, repository=services.repository, reporter=session.reporter, fetch=fetch
    )
    session.show("fleet.audit.log/v1", entries, lambda terminal: show_log(terminal, entries))


def verify(
    context: typer.Context,
    since: Since = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Take a ledger that was rewritten for the right one from now on.")
    ] = False,
    fetch: Fetch = True,
    output: OutputForm = "table",
) -> None:
    """Check that the ledger is whole, that it only grew, and that what landed was decided.

    Checks the hash of every entry and that each follows the one before; that the ledger still contains what this clone
    saw of it before; and that every release on the protected branch since the ledger began has its decision. What has
    none landed outside fleet: it is listed.

    \b
    Examples:
      fleet audit verify
      fleet audit verify --since 90d       # look only at what landed in the last 90 days

    Exit codes: 0 everything is in order, 1 it is not.
    """
    session = Session.of(context, output)
    from fleet.console.views.audit import show_audit
    from fleet.operations.audit import verify as check

    services = session.services
    report = check(
        ledger=services.ledger,
        repository=services.repository,
        pin_editor=services.pin_editor,
        branch=services.branch,
        reporter=session.reporter,
        since=parse_since(since, services.clock.now()) if since else None,
        fetch=fetch,
        accept=accept,
    )
    session.show("fleet.audit.verify/v1", report, lambda terminal: show_audit(terminal, report), ok=report.ok)
    if not report.ok:
        session.exit(ExitCode.NO)
