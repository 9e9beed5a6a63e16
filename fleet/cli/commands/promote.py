"""`fleet promote`: move releases to the next environment by pull request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.options import DryRun, OutputForm, Overrides, Reason, Yes
from fleet.cli.promotions import carry_out, show_plan, wishes_of
from fleet.cli.session import Session
from fleet.errors import UsageError

if TYPE_CHECKING:
    from fleet.operations.promote import Prepared


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("promote", rich_help_panel="Change")(promote)


def promote(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="ENV", help="The environment that gets the release.")],
    apps: Annotated[
        list[str] | None, typer.Argument(metavar="[APP...]", help="Which apps; a pull request for each.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="ENV", help="The environment that it comes from: always the one before."),
    ] = None,
    override: Overrides = None,
    reason: Reason = None,
    take: Annotated[
        list[str] | None,
        typer.Option(
            "--take",
            metavar="SIDE|PATH=SIDE",
            help="Whose value to take, `theirs` (of the source) or `ours`: for all conflicts, or for one value.",
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option("--from-release", metavar="VERSION", help="A release that the source had: version or revision."),
    ] = None,
    skip_order: Annotated[
        bool,
        typer.Option("--skip-order", help="Come from an environment further up, on record; needs `--reason`."),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="All apps that may move, as one pull request with one verdict: a train.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait while nothing but time (a soak) keeps the pull request from opening.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="How long `--wait` waits at most, like `30m`.")
    ] = "30m",
    dry_run: DryRun = False,
    yes: Yes = False,
    output: OutputForm = "table",
) -> None:
    """Move releases to the next environment by pull request.

    Takes the release that is pinned in the environment before, checks that exactly this release is live and healthy
    there, merges the values that it carries with those that were changed where it goes, shows what would change on
    every cluster, asks, and opens the pull request. Running it again brings the same pull request up to date; a newer
    release takes the place of the older one in it. Only the `release:` block of one file changes. Merging it is the
    promotion; `fleet reconcile` then brings it to the clusters.

    \b
    Examples:
      fleet promote bookinfo --to staging
      fleet promote bookinfo --to prod --dry-run     # show, change nothing
      fleet promote shop basket --to prod --yes      # two pull requests
      fleet promote --all --to prod                  # one pull request for all that may move
      fleet promote shop --from dev --to prod --skip-order --reason "hotfix of CVE-2026-1234"
      fleet promote shop --to prod --override soak --reason "fixes the outage of this morning"
      fleet promote shop --to prod --wait --timeout 2h --yes      # as soon as the soak is over
      fleet promote bookinfo --to prod --take ratings.enabled=ours    # changed on both sides: keep that of prod

    Exit codes: 0 done, or nothing to promote; 1 an app failed; 4 a gate or a conflict of values holds it, or somebody
    was faster; 5 the remote cannot be reached.
    """
    session = Session.of(context, output)
    services = session.services
    services.prefetch(rendering=True)
    from fleet.model.promotion import PromotionKind
    from fleet.operations.common.carrying import parse_takes
    from fleet.operations.promote import execute, prepare

    if everything == bool(apps):
        raise UsageError("name apps, or say `--all`", hints=(f"fleet promote --all --to {to}",))
    wishes = replace(
        wishes_of(session, [*(override or ()), *(["order"] if skip_order else ())], reason),
        takes=parse_takes(take or ()),
        together=everything,
        skip_order=skip_order,
        release=release,
    )

    def look() -> Prepared:
        return prepare(
            apps or (),
            to,
            source,
            wishes,
            repository=services.repository,
            loader=services.loader,
            renderer=services.renderer,
            senses=services.senses if dry_run else services.senses.acting,
            forge=services.forge,
            pin_editor=services.pin_editor,
            branch=services.branch,
            reporter=session.reporter,
        )

    prepared = _patiently(session, look, timeout) if wait else look()
    kind = next((one.plan.kind for one in prepared.planned if one.plan), PromotionKind.PROMOTION)
    show_plan(session, kind, prepared.planned, prepared.world, prepared.source)
    carry_out(
        session,
        "fleet.promote/v1",
        prepared.planned,
        prepared.world,
        execute=lambda: execute(
            prepared,
            repository=services.repository,
            forge=services.forge,
            ledger=services.ledger,
            reporter=session.reporter,
        ),
        question=lambda: _question(prepared),
        dry_run=dry_run,
        yes=yes,
    )


def _patiently(session: Session, look: Callable[[], Prepared], timeout: str) -> Prepared:
    """Look until time has cleared what only time clears."""
    from fleet.model.durations import seconds
    from fleet.operations.common.waiting import until_time_has_passed

    try:
        longest = seconds(timeout)
    except ValueError as error:
        raise UsageError(str(error), hints=("write `--timeout 30m`",)) from error
    return until_time_has_passed(
        look,
        lambda prepared: prepared.planned,
        longest,
        clock=session.services.senses.clock,
        sleep=time.sleep,
        reporter=session.reporter,
    )


def _question(prepared: Prepared) -> str:
    apps = [planned.app for planned in prepared.planned if planned.ready]
    if prepared.together:
        return f"Open one pull request that moves {len(apps)} apps to `{prepared.environment}`?"
    what = f"a pull request to promote `{apps[0]}`" if len(apps) == 1 else f"{len(apps)} pull requests"
    return f"Open {what} to `{prepared.environment}`?"
