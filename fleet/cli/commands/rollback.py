"""`fleet rollback`: go back to an earlier release by pull request."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.options import DryRun, OutputForm, Overrides, Reason, Yes
from fleet.cli.promotions import carry_out, show_plan, wishes_of
from fleet.cli.session import Session
from fleet.errors import UsageError


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
        typer.Option(
            "--to",
            metavar="VERSION",
            help="Version or commit to go back to. Default: the last one before that is not rejected.",
        ),
    ] = None,
    hold: Annotated[
        bool, typer.Option("--hold/--no-hold", help="Keep the app as it then is, until `fleet release-hold`.")
    ] = True,
    reject: Annotated[
        bool, typer.Option("--reject", help="Reject the release that it goes back from, everywhere; needs `--reason`.")
    ] = False,
    override: Overrides = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: OutputForm = "table",
) -> None:
    """Go back to an earlier release by pull request.

    Puts back the `release:` block that was there before, byte for byte, and says how far that goes back and what it
    does not bring back. Health does not hold a rollback; approvals do. History is never rewritten.

    The app is then held in the environment, so that the next promotion does not undo it: `fleet release-hold` ends
    that. With `--reject`, the release that it goes back from goes nowhere any more, and open pull requests with it are
    closed.

    \b
    Examples:
      fleet rollback bookinfo --env prod                   # to the release before
      fleet rollback bookinfo --env prod --to 1.17.2
      fleet rollback bookinfo --env prod --to 4f1c2e0      # as after this commit, see `fleet history`
      fleet rollback bookinfo --env prod --reject --reason "loses orders"

    Exit codes: 0 done, or nothing to do; 1 there is no earlier release; 2 wrong usage; 4 somebody was faster; 5 the
    remote cannot be reached.
    """
    from fleet.model.promotion import PromotionKind
    from fleet.operations.rollback import Aftercare, execute, prepare

    session = Session.of(context, output)
    if reject and not (reason or "").strip():
        raise UsageError("`--reject` needs a reason for the record", hints=("add `--reason TEXT`",))
    services = session.services
    prepared = prepare(
        app,
        environment,
        to,
        wishes_of(session, override, reason),
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        senses=services.senses,
        forge=services.forge,
        pin_editor=services.pin_editor,
        ledger=services.ledger,
        branch=services.branch,
    )
    title = prepared.planned.plan.title if prepared.planned.plan else app
    show_plan(session, PromotionKind.ROLLBACK, [prepared.planned], prepared.world, None)
    carry_out(
        session,
        "fleet.rollback/v1",
        [prepared.planned],
        prepared.world,
        execute=lambda: [
            execute(
                prepared,
                Aftercare(hold, reject, reason or ""),
                repository=services.repository,
                forge=services.forge,
                ledger=services.ledger,
                restrictions=services.restrictions,
                reporter=session.reporter,
                clock=services.clock,
            )
        ],
        question=lambda: f"Open a pull request: {title}?",
        dry_run=dry_run,
        yes=yes,
    )
