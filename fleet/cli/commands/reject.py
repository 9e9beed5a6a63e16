"""`fleet reject`: a release must not go anywhere any more."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import DryRun, OutputForm, Yes
from fleet.cli.session import Session
from fleet.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reject", rich_help_panel="Change")(reject)


def reject(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP[@VERSION]", help="Which app; its version here or as an argument.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; others will read it.")],
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Version of the release, or start of its revision.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: OutputForm = "table",
) -> None:
    """Reject a release: it goes nowhere any more, and what would bring it is withdrawn.

    No environment takes it, not even by a rollback. Open pull requests that would bring it are closed, with the reason
    as a comment. Where it is live it stays, until somebody goes back; the commands for that are shown. A rejection is
    for good: release a newer one.

    \b
    Examples:
      fleet reject bookinfo@1.18.0 --reason "loses orders"
      fleet reject bookinfo 1.18.0 --reason "loses orders" --dry-run

    Exit codes: 0 rejected, now or before; 2 wrong usage; 5 the remote cannot be reached.
    """
    from fleet.console.views.restrictions import show_rejecting, show_rejection
    from fleet.operations.reject import execute, prepare

    session = Session.of(context, output)
    services = session.services
    name, at, there = app.partition("@")
    if bool(at) == (version is not None) or (at and not there):
        raise UsageError(
            "say which release: `APP@VERSION`, or `APP VERSION`", hints=(f"fleet reject {name}@VERSION --reason TEXT",)
        )
    prepared = prepare(
        name,
        version or there,
        reason,
        repository=services.repository,
        loader=services.loader,
        pin_editor=services.pin_editor,
        forge=services.forge,
        branch=services.branch,
        clock=services.clock,
    )
    if dry_run:
        plan = prepared.report(changed=False, withdrawn=prepared.withdrawals)
        session.show("fleet.reject/v1", plan, lambda terminal: show_rejecting(terminal, plan))
        return
    if not yes:
        if not session.output.machine:
            show_rejecting(session.terminal, prepared.report(changed=False, withdrawn=prepared.withdrawals))
        session.confirm(f"Reject `{name}` {prepared.rejection.version} everywhere?", yes=yes)
    report = execute(prepared, restrictions=services.restrictions, forge=services.forge, reporter=session.reporter)
    session.show("fleet.reject/v1", report, lambda terminal: show_rejection(terminal, report))
    if report.live:
        session.next(report.live[0].command)
