"""`fleet sandbox`: local throw-away clusters, a git host and the demo fleet."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm, Yes
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("up")(up)
    group.command("status")(status)
    group.command("down")(down)
    group.command("kubeconfig")(kubeconfig)
    app.add_typer(group, name="sandbox", help="Start and stop local throw-away clusters.", rich_help_panel="Start")


def up(
    context: typer.Context,
    count: Annotated[
        int | None, typer.Option("--clusters", metavar="N", help="How many clusters; the demo fleet has four.")
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--cluster", metavar="NAME", help="Start this cluster; repeat for more.")
    ] = None,
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=100, help="Fake nodes per cluster.")] = 3,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Make a git host with the demo fleet.")] = True,
    output: OutputForm = "table",
) -> None:
    """Start the sandbox: real Kubernetes control planes with fake nodes, a bare git origin and the demo fleet.

    Everything is below one directory (`FLEET_STATE_DIR`) and listens on 127.0.0.1 only; your kubeconfig, HOME and
    git settings stay as they are. Once more, it repairs what has died, adds what is missing, and
    leaves the rest alone. A cluster takes about 0.5 GB of memory.

    \b
    # four clusters (dev, staging, prod-eu, prod-us) and the demo fleet
    fleet sandbox up
    # two clusters for a fleet of your own
    fleet sandbox up --cluster eu --cluster us --no-demo

    \b
    Exit status: 0 all clusters are ready, 1 one is not or a check failed, 2 bad names, 5 a program is missing.
    """
    from fleet.console.views.sandbox import next_step, show_sandbox
    from fleet.operations import sandbox

    session = Session.of(context, output)
    services = session.services
    report = sandbox.up(
        sandbox.choose_names(count, names or ()),
        nodes,
        sandbox=services.sandbox,
        demo=services.demo_fleet if demo else None,
        reporter=session.reporter,
    )
    session.show("fleet.sandbox/v1", report, lambda terminal: show_sandbox(terminal, report), ok=report.ready)
    session.next(next_step(report))
    if not report.ready:
        session.exit(ExitCode.NO)


def status(context: typer.Context, output: OutputForm = "table") -> None:
    """Show each sandbox cluster: version, readiness, memory and port.

    \b
    # is everything up?
    fleet sandbox status
    # all ports, for scripts
    fleet sandbox status -o json

    \b
    Exit status: 0 all clusters are ready, 1 there are none or one is not ready.
    """
    from fleet.console.views.sandbox import show_sandbox
    from fleet.operations import sandbox

    session = Session.of(context, output)
    report = sandbox.status(sandbox=session.services.sandbox)
    session.show("fleet.sandbox/v1", report, lambda terminal: show_sandbox(terminal, report), ok=report.ready)
    if not report.ready:
        session.next("fleet sandbox up")
        session.exit(ExitCode.NO)


def down(context: typer.Context, yes: Yes = False, output: OutputForm = "table") -> None:
    """Stop the sandbox and remove all of it, also what an interrupted start has left.

    Only processes and files that the sandbox made are touched. You are asked only if the clone of the demo fleet
    holds changes that were not committed.

    \b
    # stop and remove
    fleet sandbox down
    # even if there are uncommitted changes in the demo fleet
    fleet sandbox down --yes

    \b
    Exit status: 0 nothing is left, 1 something could not be removed, or the answer was no.
    """
    from fleet.console.views.sandbox import show_leftovers, show_removed
    from fleet.operations import sandbox

    session = Session.of(context, output)
    host = session.services.sandbox
    left = sandbox.leftovers(sandbox=host)
    if left.unsaved:
        if not session.output.machine:
            show_leftovers(session.terminal, left)
        session.confirm("Remove the sandbox, with these uncommitted changes?", yes=yes)
    removed = sandbox.down(sandbox=host)
    session.show("fleet.sandbox-removed/v1", removed, lambda terminal: show_removed(terminal, removed))


def kubeconfig(context: typer.Context, output: OutputForm = "table") -> None:
    """Print the path of the sandbox's kubeconfig; its contexts have the names of the clusters.

    \b
    # look at a cluster by hand
    kubectl --kubeconfig "$(fleet sandbox kubeconfig)" --context dev get pods -A

    \b
    Exit status: 0 it is there, 1 there is no sandbox.
    """
    from fleet.errors import SandboxError

    session = Session.of(context, output)
    path = session.services.sandbox.kubeconfig
    if not path.is_file():
        raise SandboxError("there is no sandbox", code="FLT-SBX-006", hints=("fleet sandbox up",))
    session.show("fleet.sandbox-kubeconfig/v1", {"path": str(path)}, lambda terminal: terminal.write(str(path)))
