"""`fleet pulumi`: the stock Pulumi command line on the fleet's stacks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pulumi", rich_help_panel="Operate", context_settings={"ignore_unknown_options": True})(pulumi)


def pulumi(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- ARGS…", help="Arguments of Pulumi, after `--`.")
    ] = None,
    shell: Annotated[
        bool, typer.Option("--shell", help="Start a shell in which plain `pulumi` works on the fleet's stacks.")
    ] = False,
) -> None:
    """Run the Pulumi command line on a stack of the fleet.

    Every target is a stack named `<app>.<environment>.<cluster>`. The command gets the fleet's state backend, secrets
    and Kubernetes provider, and the program that it runs is the target as the protected branch declares it: what
    `preview` shows is what `fleet reconcile` would do.

    \b
    Examples:
      fleet pulumi -- stack ls
      fleet pulumi -- preview -s bookinfo.dev.dev --diff
      fleet pulumi -- stack export -s bookinfo.dev.dev
      fleet pulumi --shell                                # then `pulumi preview -s …`, as often as you like

    Exit codes: those of Pulumi; 5 if it is not installed.
    """
    from fleet.bootstrap.pulumi_program import StackResolver

    session = Session.of(context)
    services = session.services
    # Relative paths among the arguments start where the person is.
    directory = Path.cwd() if (services.root / "Pulumi.yaml").is_file() else None
    program = os.environ.get("SHELL", "/bin/sh") if shell else None
    words = arguments or ([] if shell else ["--help"])
    status = services.deployer.interactive(words, directory, StackResolver(services), program=program)
    if status:
        raise typer.Exit(status)
