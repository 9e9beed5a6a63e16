"""`fleet drift`: what changed on the clusters behind git's back."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import Apps, ClusterNames, Environments, ExitCodeOnDifference, Labels, OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drift", rich_help_panel="Look")(drift)


def drift(
    context: typer.Context,
    environment: Environments = None,
    cluster: ClusterNames = None,
    app: Apps = None,
    selector: Labels = None,
    short: Annotated[bool, typer.Option("--short", help="Names of objects only, no fields.")] = False,
    exit_code: ExitCodeOnDifference = False,
    output: OutputForm = "table",
) -> None:
    """Show what changed on the clusters behind git's back.

    Compares what the last apply recorded with what is live, field by field, and says who changed each field and when.
    Defaults, status and the work of controllers are not drift. Read-only.

    \b
    Examples:
      fleet drift                    # everywhere
      fleet drift -e prod            # one environment
      fleet drift --exit-code        # for a scheduled check: 3 if anything drifted

    Exit codes: 0 done, 3 drift was found (with --exit-code), 5 no cluster could be reached.
    """
    session = Session.of(context, output)
    services = session.services
    services.prefetch()
    from fleet.console.views.drift import show_drift
    from fleet.engine.selection import Selection
    from fleet.model.drift import DriftState
    from fleet.operations.drift import find_drift

    selection = Selection(*(tuple(v or ()) for v in (environment, cluster, app, selector)))
    report = find_drift(
        selection,
        repository=services.repository,
        loader=services.loader,
        clusters=services.clusters,
        store=services.store,
        branch=services.branch,
        conceal=services.conceal,
    )
    session.show("fleet.drift/v1", report, lambda terminal: show_drift(terminal, report, short=short))
    found = report.having(DriftState.DRIFTED)
    if found:
        command = f"fleet reconcile{selection.flags()}"
        session.next(f"overwrite it with `{command}`, or keep it: write it into git and promote it")
    elif report.having(DriftState.UNRECORDED, DriftState.SUPERSEDED):
        session.next(f"fleet reconcile{selection.flags()}  (records what it applies)")
    if found and exit_code:
        session.exit(ExitCode.DIFFERENT)
    if report.targets and len(report.having(DriftState.UNREACHABLE)) == len(report.targets):
        session.exit(ExitCode.OUTSIDE)
