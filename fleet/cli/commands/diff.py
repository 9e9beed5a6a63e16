"""`fleet diff`: desired state against live state."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import Apps, ClusterNames, Environments, ExitCodeOnDifference, Labels, OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diff", rich_help_panel="Look")(diff)


def diff(
    context: typer.Context,
    environment: Environments = None,
    cluster: ClusterNames = None,
    app: Apps = None,
    selector: Labels = None,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="REV", help="This commit instead of the protected branch.")
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="Names of objects only, no fields.")] = False,
    exit_code: ExitCodeOnDifference = False,
    output: OutputForm = "table",
) -> None:
    """Compare desired state (git) with live state (API server).

    Asks each API server, by a dry run, what applying each object would change. Targets that change in the same way are
    shown once; values of Secrets are masked. Read-only.

    \b
    Examples:
      fleet diff                             # what the next reconcile changes
      fleet diff -e prod -a bookinfo --short
      fleet diff --revision my-branch        # before it is merged

    Exit codes: 0 done, 1 a target cannot be rendered or is refused, 3 there are differences (with --exit-code), 5 no
    cluster could be reached.
    """
    session = Session.of(context, output)
    services = session.services
    services.prefetch()
    from fleet.console.views.diff import show_diff
    from fleet.engine.selection import Selection
    from fleet.operations.diff import find_differences

    selection = Selection(*(tuple(v or ()) for v in (environment, cluster, app, selector)))
    report = find_differences(
        selection,
        revision=revision,
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        clusters=services.clusters,
        store=services.store,
        branch=services.branch,
    )
    ok = not report.problems
    session.show("fleet.diff/v1", report, lambda terminal: show_diff(terminal, report, short=short), ok=ok)
    if report.different and revision is None:
        session.next(f"fleet reconcile{selection.flags()}")
    if not ok:
        session.exit(ExitCode.NO)
    if report.different and exit_code:
        session.exit(ExitCode.DIFFERENT)
    if report.targets and all(t.unreachable for t in report.targets):
        session.exit(ExitCode.OUTSIDE)
