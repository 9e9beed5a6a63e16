"""`fleet init`: write a new fleet that works as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.options import DryRun, OutputForm
from fleet.cli.session import Session
from fleet.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init", rich_help_panel="Start")(init)


def init(
    context: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="Directory of the new fleet; made if it is not there.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the fleet; otherwise that of the directory.")
    ] = None,
    template: Annotated[
        str, typer.Option("--template", metavar="TEMPLATE", help="`bookinfo` (four clusters) or `minimal` (two).")
    ] = "bookinfo",
    access: Annotated[
        list[str] | None,
        typer.Option(
            "--context",
            metavar="CLUSTER=CONTEXT",
            help="Reach this cluster by a context of your kubeconfig, not in the sandbox; repeat for more.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a directory that is not empty; nothing is overwritten.")
    ] = False,
    dry_run: DryRun = False,
    output: OutputForm = "table",
) -> None:
    """Write a new fleet that works as it is, and commit it.

    Makes a git repository if there is none. The first commit holds apps, clusters and environments, the second one
    the pins, which name the first. Nothing has to be edited before you go on.

    \b
    # BookInfo on the clusters of the sandbox
    fleet init my-fleet
    # two clusters of your own
    fleet init my-fleet --template minimal --context dev=my-dev --context prod=my-prod

    \b
    Exit status: 0 done, 1 the directory is not empty, or git failed, 2 wrong usage.
    """
    from fleet.bootstrap.scaffold import scaffold, templates
    from fleet.console.views.init import show_init
    from fleet.operations.init import init as run

    session = Session.of(context, output)
    directory = path if path is not None else session.settings.repository
    report = run(
        directory,
        template=template,
        name=name,
        contexts=_contexts(access or ()),
        force=force,
        dry_run=dry_run,
        templates=templates(),
        scaffold=scaffold(),
    )
    session.show("fleet.init/v1", report, lambda terminal: show_init(terminal, report))
    if not report.commits:
        session.next("the same without `--dry-run`")
        return
    if directory != Path():
        session.next(f"cd {directory}")
    session.next("fleet validate")
    session.next("fleet reconcile" if access else f"fleet sandbox up{_sandbox_flags(template)}")


def _contexts(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    contexts: dict[str, str] = {}
    for text in texts:
        cluster, equals, context = text.partition("=")
        if not (cluster and equals and context):
            raise UsageError(
                f"`--context {text}` is not of the form CLUSTER=CONTEXT", hints=("for example `--context dev=my-dev`",)
            )
        contexts[cluster] = context
    return contexts


def _sandbox_flags(template: str) -> str:
    return " --cluster dev --cluster prod --no-demo" if template == "minimal" else " --no-demo"
