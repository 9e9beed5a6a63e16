"""`fleet promotions`: promotions that move by themselves."""

from __future__ import annotations

import typer

from fleet.cli.options import DryRun, Environments, OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help=_HELP)
    group.command("advance")(advance)
    app.add_typer(group, name="promotions", rich_help_panel="Change")


_HELP = """Move every promotion that may go one step further, for cron and CI.

That is for environments whose policy says `merge: auto`.

\b
Examples:
  fleet promotions advance             # one step, from cron or CI
"""


def advance(
    context: typer.Context,
    environment: Environments = None,
    dry_run: DryRun = False,
    output: OutputForm = "table",
) -> None:
    """Take every promotion that may move one step further: open its pull request, or merge it.

    Concerns environments whose policy says `merge: auto`. A pull request is opened when no gate holds that, and merged
    when all gates have passed, the very same ones as for people. Safe to run from cron, from two machines at once, and
    after any crash: each write is a compare-and-swap, and the next run goes on from what is there. It never asks.

    \b
    Examples:
      fleet promotions advance
      fleet promotions advance -e staging --dry-run
      */5 * * * *  fleet -C /srv/fleet promotions advance -o json=/var/log/fleet/advance.json

    Exit codes: 0 done, also if everything waits; 1 a promotion failed; 2 wrong usage; 5 the remote cannot be reached.
    """
    from fleet.console.views.forecast import show_advances
    from fleet.errors import ExitCode
    from fleet.operations.advance import advance as move

    session = Session.of(context, output)
    report = move(session.services.desk, environments=environment or (), dry_run=dry_run)
    session.show("fleet.promotions.advance/v1", report, lambda terminal: show_advances(terminal, report), ok=report.ok)
    merged = [one.environment for one in report.advances if one.step.value == "merged"]
    if merged:
        session.next(f"fleet reconcile -e {merged[0]}")
    if not report.ok:
        session.exit(ExitCode.NO)
