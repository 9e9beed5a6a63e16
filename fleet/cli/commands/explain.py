"""`fleet explain`: show where each value of a target comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", rich_help_panel="Look")(explain)


def explain(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="Name of the app.")],
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="Only the value at this dotted path, and below it.")
    ] = None,
    environment: Annotated[
        str, typer.Option("-e", "--environment", metavar="ENV", help="Environment of the target.")
    ] = "",
    cluster: Annotated[str, typer.Option("-c", "--cluster", metavar="CLUSTER", help="Cluster of the target.")] = "",
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="REV", help="Look at this commit instead of the files on disk.")
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Show where each value, image and the release of a target come from, and what they hide.

    Values merge in the order app, environment, cluster, pin, release: the later one wins, lists are replaced as a
    whole, and `null` removes a key. The app is read at its pinned revision, the rest from the files on disk. Without
    `-c`, an environment with one cluster needs none. For a promotable value that is named, the commits that changed it
    in this environment are shown too.

    \b
    # all values of one target
    fleet explain bookinfo -e prod -c prod-eu
    # one of them, for a script
    fleet explain bookinfo replicas -e prod -c prod-eu -o json

    \b
    Exit status: 0 done, 1 the fleet has errors, 2 there is no such app, environment, cluster or value.
    """
    from fleet.console.views.explain import show_explanation
    from fleet.operations.common.loading import load_fleet
    from fleet.operations.explain import choose_target
    from fleet.operations.explain import explain as run

    session = Session.of(context, output)
    services = session.services
    fleet, tree = load_fleet(
        services.repository,
        services.loader,
        services.branch,
        revision=revision,
        work_tree=revision is None,
        fetch=False,
    )
    target = choose_target(fleet, app, environment, cluster)
    report = run(
        fleet,
        tree,
        target,
        path,
        repository=services.repository,
        loader=services.loader,
        pin_editor=services.pin_editor,
    )
    session.show("fleet.explain/v1", report, lambda terminal: show_explanation(terminal, report))
