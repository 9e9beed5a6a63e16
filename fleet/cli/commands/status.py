"""`fleet status`: the state of every environment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.options import Apps, ClusterNames, Environments, Labels, OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fleet.engine.selection import Selection
    from fleet.model.status import FleetStatus


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", rich_help_panel="Look")(status)


def status(
    context: typer.Context,
    environment: Environments = None,
    cluster: ClusterNames = None,
    app: Apps = None,
    selector: Labels = None,
    clusters: Annotated[bool, typer.Option("--clusters", help="A row per cluster.")] = False,
    apps: Annotated[bool, typer.Option("--apps", help="A row per app, a column per environment.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option("--interval", min=1.0, metavar="SECONDS", help="Pause of --watch.")] = 5.0,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if anything is not healthy.")] = False,
    output: OutputForm = "table",
) -> None:
    """Show every environment: releases, health, drift and open promotions.

    Health counts targets that run exactly the declared release and are healthy. A cluster that cannot be reached shows
    as unknown, with the reason. Read-only.

    \b
    Examples:
      fleet status
      fleet status -e prod --watch
      fleet status --clusters -o json

    Exit codes: 0 done, 1 something is not healthy (with --exit-code), 5 no cluster could be reached.
    """
    from fleet.engine.selection import Selection

    session = Session.of(context, output)
    selection = Selection(*(tuple(v or ()) for v in (environment, cluster, app, selector)))
    if clusters and apps:
        raise UsageError("`--clusters` and `--apps` exclude each other")
    if watch and session.output.machine:
        raise UsageError("`--watch` shows tables only", hints=("leave out `-o json`, or call `fleet status` again",))
    if watch:
        _watch(session, interval, lambda: _show(session, selection, clusters=clusters, apps=apps))
        return
    found = _show(session, selection, clusters=clusters, apps=apps)
    if found.clusters and len(found.unreachable) == len(found.clusters):
        session.exit(ExitCode.OUTSIDE)
    if exit_code and not found.ok:
        session.exit(ExitCode.NO)


def _show(session: Session, selection: Selection, *, clusters: bool, apps: bool) -> FleetStatus:
    services = session.services
    services.prefetch()
    from fleet.console.views.status import show_apps, show_clusters, show_environments
    from fleet.operations.status import find_status

    found = find_status(
        selection,
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        clusters=services.clusters,
        store=services.store,
        forge=services.forge,
        restrictions=services.known_restrictions,
        clock=services.clock,
        branch=services.branch,
        conceal=services.conceal,
    )
    wide = session.output.form == "wide"
    if clusters:
        session.show("fleet.status/v1", found, lambda terminal: show_clusters(terminal, found), ok=found.ok)
    elif apps:
        session.show("fleet.status/v1", found, lambda terminal: show_apps(terminal, found), ok=found.ok)
    else:
        session.show(
            "fleet.status/v1", found, lambda terminal: show_environments(terminal, found, wide=wide), ok=found.ok
        )
    advice = next_step(found)
    if advice:
        session.next(advice)
    return found


def _watch(session: Session, interval: float, show: Callable[[], object]) -> None:
    """Show it until Ctrl-C; on a terminal the screen is cleared before."""
    while True:
        if session.terminal.live:
            session.terminal.err.clear()
        show()
        time.sleep(interval)


def next_step(found: FleetStatus) -> str:
    """Return what a person would most likely do next: mend before going on, go on before starting anew."""
    if found.clusters and len(found.unreachable) == len(found.clusters):
        return "fleet sandbox status  (no cluster can be reached; or check `access` in clusters/)"
    for row in found.apps:
        if row.drifted:
            return f"fleet drift -e {row.environment}"
    for row in found.apps:
        if row.release is not None and row.pending:
            return f"fleet reconcile -e {row.environment}"
    for row in found.apps:
        for request in row.pull_requests:
            return f"fleet pr show {request.number}"
    return _promotion(found)


def _promotion(found: FleetStatus) -> str:
    """Return the first promotion that is possible: an environment whose neighbour before it is healthy and ahead."""
    before: dict[str, tuple[str | None, bool]] = {}
    for row in found.apps:
        release = row.release.version if row.release else None
        earlier = before.get(row.app)
        if earlier is not None and earlier[1] and earlier[0] != release:
            return f"fleet promote {row.app} --to {row.environment}"
        before[row.app] = (release, release is not None and row.healthy == len(row.targets))
    return ""
