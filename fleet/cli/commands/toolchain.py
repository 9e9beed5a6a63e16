"""`fleet toolchain`: the external programs that fleet drives."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("install")(install)
    group.command("list")(show)
    group.command("path")(path)
    app.add_typer(
        group,
        name="toolchain",
        help="Find, install and list the external programs that fleet drives.",
        rich_help_panel="Operate",
    )


def install(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Programs; all that are not optional if left out.")
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Make the external programs ready: Pulumi, etcd, kwok and the control plane of Kubernetes.

    Each comes from the first source that serves: a configured path (`FLEET_TOOL_<NAME>`), PATH with a fitting
    version, the cache, the official release (verified by checksum), or a build from pinned Go modules. Where the
    release hosts cannot be reached, fleet notices within seconds and builds: some twenty minutes on two cores, once.
    The command can be interrupted and repeated; two at once build each program once.

    \b
    # everything that the sandbox and the engine need
    fleet toolchain install
    # only Pulumi, for a fleet on your own clusters
    fleet toolchain install pulumi
    # with a program that you have
    FLEET_TOOL_PULUMI=/opt/pulumi/pulumi fleet toolchain install

    \b
    Exit status: 0 all are ready, 2 unknown name, 5 a program cannot be obtained.
    """
    from fleet.console.views.toolchain import show_installed
    from fleet.operations import toolchain

    session = Session.of(context, output)
    tools = toolchain.install(names or (), toolchain=session.services.toolchain)
    session.show("fleet.toolchain/v1", tools, lambda terminal: show_installed(terminal, tools))
    if not names:
        session.next("fleet sandbox up")


def show(context: typer.Context, output: OutputForm = "table") -> None:
    """List the external programs: the version that is wanted, the one that is found, and where.

    Nothing is installed. Versions come from the programs themselves.

    \b
    # which Pulumi would be used?
    fleet toolchain list
    # for scripts
    fleet toolchain list -o json

    \b
    Exit status: 0 nothing is missing, 1 a program that is not optional is missing.
    """
    from fleet.console.views.toolchain import show_tools
    from fleet.operations import toolchain

    session = Session.of(context, output)
    tools = toolchain.overview(toolchain=session.services.toolchain)
    complete = all(tool.path or tool.optional for tool in tools)
    session.show("fleet.tools/v1", tools, lambda terminal: show_tools(terminal, tools), ok=complete)
    if not complete:
        session.next("fleet toolchain install")
        session.exit(ExitCode.NO)


def path(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a program, like `pulumi`.")],
    output: OutputForm = "table",
) -> None:
    """Print the path of an external program.

    \b
    # use the same Pulumi by hand
    "$(fleet toolchain path pulumi)" version

    \b
    Exit status: 0 it is there, 2 unknown name, 5 it is not installed.
    """
    session = Session.of(context, output)
    found = session.services.toolchain.path(name)
    session.show("fleet.tool-path/v1", {"name": name, "path": str(found)}, lambda terminal: terminal.write(str(found)))
