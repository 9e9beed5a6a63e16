"""`fleet rollback`: go back to an earlier release by pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.options import DryRun, OutputForm, Yes
from fleet.cli.promotions import conclude, next_steps
from fleet.cli.session import Session

if TYPE_CHECKING:
    from fleet.operations.rollback import Prepared


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback", rich_help_panel="Change")(rollback)


def rollback(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="Which app.")],
    environment: Annotated[
        str, typer.Option("-e", "--env", "--environment", metavar="ENV", help="The environment that goes back.")
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="Version or commit to go back to. Default: the one before."),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: OutputForm = "table",
) -> None:
    """Go back to an earlier release by pull request.

    Puts back the `release:` block that was there before, byte for byte, and says how far that goes back and what it
    does not bring back. Health does not hold a rollback; approvals do. History is never rewritten.

    \b
    Examples:
      fleet rollback bookinfo --env prod                   # to the release before
      fleet rollback bookinfo --env prod --to 1.17.2
      fleet rollback bookinfo --env prod --to 4f1c2e0      # as after this commit, see `fleet history`

    Exit codes: 0 done, or nothing to do; 1 there is no earlier release; 2 wrong usage; 4 somebody was faster; 5 the
    remote cannot be reached.
    """
    from fleet.operations.rollback import execute, prepare

    session = Session.of(context, output)
    services = session.services
    prepared = prepare(
        app,
        environment,
        to,
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        forge=services.forge,
        pin_editor=services.pin_editor,
        branch=services.branch,
    )
    _show(session, prepared)
    if dry_run or not prepared.planned.ready:
        result = prepared.planned.result()
    else:
        title = prepared.planned.plan.title if prepared.planned.plan else app
        session.confirm(f"Open a pull request: {title}?", yes=yes)
        result = execute(prepared, repository=services.repository, forge=services.forge, reporter=session.reporter)
    advice = next_steps([result], dry_run=dry_run)
    conclude(session, "fleet.rollback/v1", [result], prepared.world.branch, advice)


def _show(session: Session, prepared: Prepared) -> None:
    from fleet.console.views.promotion import headline, show_plans
    from fleet.model.promotion import PromotionKind

    plan = prepared.planned.plan
    if session.output.machine or plan is None or plan.nothing_to_do:
        return
    clusters = len(prepared.world.fleet.environments[plan.environment].clusters)
    line = headline(PromotionKind.ROLLBACK, None, plan.environment, clusters)
    show_plans(session.terminal, line, [plan], wide=session.output.form == "wide")
    session.terminal.print()
