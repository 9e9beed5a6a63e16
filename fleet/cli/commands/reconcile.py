"""`fleet reconcile`: make live state equal desired state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.interrupts import graceful
from fleet.cli.options import Apps, ClusterNames, DryRun, Environments, Labels, OutputForm, Yes
from fleet.cli.session import Session
from fleet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fleet.engine.selection import Selection
    from fleet.model.reconcile import Run
    from fleet.operations.reconcile import Prepared

_ADVANCED = "Advanced"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile", rich_help_panel="Change")(reconcile)


def reconcile(
    context: typer.Context,
    environment: Environments = None,
    cluster: ClusterNames = None,
    app: Apps = None,
    selector: Labels = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="This commit instead of the protected branch."),
    ] = None,
    parallel: Annotated[
        int | None,
        typer.Option("--parallel", min=1, max=256, metavar="N", help="Targets at a time.", rich_help_panel=_ADVANCED),
    ] = None,
    prune: Annotated[
        bool | None,
        typer.Option(
            "--prune/--no-prune",
            help="Remove targets that are not declared any more / delete nothing at all. Default: ask.",
            rich_help_panel=_ADVANCED,
        ),
    ] = None,
    no_drift_check: Annotated[
        bool,
        typer.Option("--no-drift-check", help="Do not look at targets that did not change.", rich_help_panel=_ADVANCED),
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Start nothing more after a failure.", rich_help_panel=_ADVANCED)
    ] = False,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Time of one target, like `5m`.", rich_help_panel=_ADVANCED),
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Make live state equal desired state, wave by wave.

    Reads the protected branch, compares every target with what was applied and with what is live, shows the plan, asks,
    and applies. A target waits until the earlier waves of its app and environment are healthy at exactly this release.
    A broken app or an unreachable cluster fails only its own targets. Running it again changes nothing.

    \b
    Examples:
      fleet reconcile                       # everything
      fleet reconcile -e prod --dry-run     # what would change in prod
      fleet reconcile -a bookinfo -c prod-eu --yes

    Exit codes: 0 done, 1 a target failed, 4 targets are blocked, 5 no cluster could be reached.
    """
    session = Session.of(context, output)
    services = session.services
    seconds = _seconds(timeout)
    services.prefetch()
    from fleet.engine.selection import Selection
    from fleet.operations.reconcile import Options, prepare

    selection = Selection(*(tuple(v or ()) for v in (environment, cluster, app, selector)))
    prepared = prepare(
        Options(
            selection=selection,
            revision=revision,
            drift_check=not no_drift_check,
            remove=prune is True or (prune is None and not yes),
            keep_objects=prune is False,
        ),
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        clusters=services.clusters,
        store=services.store,
        stacks=services.stacks,
        branch=services.branch,
        conceal=services.conceal,
        reporter=session.reporter,
    )
    if dry_run:
        _dry_run(session, prepared, parallel, seconds)
    else:
        _run(session, prepared, selection, yes=yes, parallel=parallel, seconds=seconds, fail_fast=fail_fast)


def _seconds(timeout: str | None) -> float | None:
    from fleet.model.durations import seconds

    try:
        return None if timeout is None else seconds(timeout)
    except ValueError as error:
        raise UsageError(str(error), hints=("write `--timeout 5m`",)) from error


def _dry_run(session: Session, prepared: Prepared, parallel: int | None, seconds: float | None) -> None:
    from fleet.console.views.reconcile import show_dry_run, show_plan
    from fleet.model.durations import seconds as parsed
    from fleet.operations.common.previewing import Previewer
    from fleet.operations.reconcile import preview

    wide = session.output.form == "wide"
    if not session.output.machine:
        show_plan(session.terminal, prepared.plan, prepared.origin, wide=wide)
    patience = seconds or parsed(prepared.fleet.file.engine.timeout)
    run = preview(
        prepared,
        by=session.services.repository.identity,
        previewer=Previewer(session.services.deployer, prepared.fleet, patience),
        clock=session.services.clock,
        reporter=session.reporter,
        parallelism=parallel,
    )
    session.show("fleet.run/v1", run, lambda terminal: show_dry_run(terminal, run), ok=run.ok)
    session.exit(exit_code(run))


def _run(
    session: Session,
    prepared: Prepared,
    selection: Selection,
    *,
    yes: bool,
    parallel: int | None,
    seconds: float | None,
    fail_fast: bool,
) -> None:
    from fleet.console.views.changes import plural
    from fleet.console.views.reconcile import show_plan, show_run, summary
    from fleet.model.reconcile import Action
    from fleet.operations.common.stopping import Stop
    from fleet.operations.reconcile import execute

    wide = session.output.form == "wide"
    plan = prepared.plan
    if not session.output.machine and any(t.action is not Action.SKIP for t in plan.targets):
        show_plan(session.terminal, plan, prepared.origin, wide=wide)
    if plan.changes:
        session.confirm(f"{plural(len(plan.changes), 'target')}: {summary(plan)}. Go on?", yes=yes)
    stop = Stop()
    with graceful(stop):
        run = execute(
            prepared,
            by=session.services.repository.identity,
            deployer=session.services.deployer,
            clusters=session.services.clusters,
            store=session.services.store,
            clock=session.services.clock,
            conceal=session.services.conceal,
            reporter=session.reporter,
            stop=stop,
            ledger=session.services.ledger,
            parallelism=parallel,
            timeout=seconds,
            fail_fast=fail_fast,
        )
    session.show("fleet.run/v1", run, lambda terminal: show_run(terminal, run, wide=wide), ok=run.ok)
    if run.interrupted:
        session.next(f"fleet reconcile{selection.flags()}")
    elif run.ok and plan.changes:
        session.next(f"fleet status{selection.flags()}")
    session.exit(exit_code(run))


def exit_code(run: Run) -> ExitCode:
    """Return the exit status of a run: a failure outweighs a block, a block outweighs an unreachable cluster."""
    from fleet.model.reconcile import Outcome

    if run.interrupted:
        return ExitCode.INTERRUPTED
    if run.ok:
        return ExitCode.OK
    if len(run.having(Outcome.UNREACHABLE)) == len(run.results):
        return ExitCode.OUTSIDE
    if all(r.ok or r.outcome is Outcome.BLOCKED for r in run.results):
        return ExitCode.BLOCKED
    return ExitCode.NO
