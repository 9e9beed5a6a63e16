"""`fleet env`: commands about environments."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import Apps, ExitCodeOnDifference, OutputForm
from fleet.cli.session import Session
from fleet.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("diff")(diff)
    app.add_typer(group, name="env", help="Compare environments.", rich_help_panel="Look")


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Environment that a promotion would come from.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Environment that it would go to.")],
    app: Apps = None,
    rendered: Annotated[bool, typer.Option("--rendered", help="Compare rendered objects too.")] = False,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="REV", help="This commit instead of the protected branch.")
    ] = None,
    exit_code: ExitCodeOnDifference = False,
    output: OutputForm = "table",
) -> None:
    """Show how two environments differ: releases, values and, with --rendered, objects.

    For each difference it says what promoting from A to B would do: `carried` means that B becomes like A, `stays`
    means that it belongs to B and never moves. Values come with the file that sets them. One cluster of each
    environment stands for the others. Read-only; no cluster is asked.

    \b
    Examples:
      fleet env diff staging prod
      fleet env diff staging prod -a bookinfo --rendered
      fleet env diff dev staging --exit-code -o json

    Exit codes: 0 done, 1 an app cannot be read or rendered, 2 there is no such environment or app, 3 there are
    differences (with --exit-code).
    """
    from fleet.console.views.environment_diff import show_comparison
    from fleet.operations.common.loading import load_fleet
    from fleet.operations.environment_diff import compare_environments

    session = Session.of(context, output)
    services = session.services
    fleet, tree = load_fleet(services.repository, services.loader, services.branch, revision=revision)
    report = compare_environments(
        fleet,
        tree,
        a,
        b,
        apps=app or (),
        rendered=rendered,
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
    )
    ok = not report.problems
    session.show("fleet.env-diff/v1", report, lambda terminal: show_comparison(terminal, report), ok=ok)
    if report.promotes and report.promotable:
        session.next(f"fleet promote {' '.join(report.promotable)} --to {b}")
    if not ok:
        session.exit(ExitCode.NO)
    if report.different and exit_code:
        session.exit(ExitCode.DIFFERENT)
