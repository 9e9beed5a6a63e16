"""`fleet lock`: keep promotions from landing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from fleet.cli.options import OutputForm
from fleet.cli.session import Session
from fleet.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lock", rich_help_panel="Change")(lock)


def lock(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; others will read it.")],
    environment: Annotated[
        str | None, typer.Option("-e", "--environment", metavar="ENV", help="Only promotions into this environment.")
    ] = None,
    app: Annotated[str | None, typer.Option("-a", "--app", metavar="APP", help="Only promotions of this app.")] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "-c", "--cluster", metavar="CLUSTER", help="Only promotions into the environment of this cluster."
        ),
    ] = None,
    selector: Annotated[
        list[str] | None,
        typer.Option(
            "-l", "--selector", metavar="KEY=VALUE", help="Only into environments with a cluster that has this label."
        ),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="How long, like `2h`. Default: until `fleet unlock`."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Until when, like `2026-03-04T18:00`.")
    ] = None,
    identifier: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Name of the lock. Default: after what is locked.")
    ] = None,
    output: OutputForm = "table",
) -> None:
    """Keep promotions from landing: of an app, into an environment, or in the whole fleet.

    What is not named is not restricted; everything that is named has to fit, so `-e prod -a shop` locks `shop` in
    `prod` only. Releases, promotions and rollbacks are neither opened nor merged while a lock fits them, unless
    somebody promotes past it on record. The lock is kept in git, for everybody. The same lock again changes its reason
    and its end.

    \b
    Examples:
      fleet lock -e prod --reason "quarter end" --until 2026-04-01T08:00+02:00
      fleet lock -a shop --for 2h --reason "database migration"
      fleet lock -l region=eu --reason "network works" --id eu-network
      fleet lock --reason "incident 4711"                # the whole fleet

    Exit codes: 0 locked, 1 the name belongs to another lock, 2 wrong usage, 5 the remote cannot be reached.
    """
    from fleet.cli.moments import length, moment
    from fleet.console.views.restrictions import show_lock
    from fleet.operations.restrictions import LockRequest
    from fleet.operations.restrictions import lock as make_lock

    session = Session.of(context, output)
    if duration is not None and until is not None:
        raise UsageError("`--for` and `--until` exclude each other")
    services = session.services
    request = LockRequest(
        reason=reason,
        environment=environment,
        app=app,
        cluster=cluster,
        labels=_labels(selector or ()),
        expires=moment("--until", until),
        lasts=length("--for", duration),
        identifier=identifier,
    )
    report = make_lock(
        request,
        repository=services.repository,
        loader=services.loader,
        branch=services.branch,
        restrictions=services.restrictions,
        clock=services.clock,
    )
    session.show("fleet.lock/v1", report, lambda terminal: show_lock(terminal, report))
    session.next(f"fleet unlock {report.lock.id}")


def _labels(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (part for text in texts for part in text.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not key or not equals or not value or key.endswith("!") or found.get(key, value) != value:
            raise UsageError(
                f"`{part[:80]}` is not a label that a cluster can have",
                code="FLT-USE-011",
                hints=("write `-l key=value`, for example `-l region=eu`",),
            )
        found[key] = value
    return found
