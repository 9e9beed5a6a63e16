"""Move every promotion that may go one step further, in environments that promote by themselves (`merge: auto`).

A step is: open the pull request (or bring it up to date), and merge it when no gate holds it. Each write is one of
`fleet promote` and `fleet pr merge`: compare-and-swap, and harmless when repeated. So this is safe to run from cron,
from two machines at once, and after any crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.errors import BaseMovedError, BlockedError, ConflictError, FleetError
from fleet.model.advance import Advance, Advances, Step
from fleet.model.promotion import PromotionOutcome, PromotionResult
from fleet.operations import promote
from fleet.operations.common.deciding import Wishes
from fleet.operations.common.desk import Desk
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.planning import error_data
from fleet.operations.forecast import waiting
from fleet.operations.pull_requests import merge_reviewed, review_pull_request


def advance(desk: Desk, *, environments: Sequence[str] = (), dry_run: bool = False) -> Advances:
    """Take every promotion that may move one step further; return what came of each.

    What fails, or what somebody else is moving at this moment, does not stop the others.

    Args:
        desk: the ports.
        environments: only these; empty: every environment whose policy says `merge: auto`.
        dry_run: only say what would be opened; nothing is written.

    Raises:
        ConfigError: the fleet cannot be loaded.
        UnreachableError: the remote cannot be reached.
    """
    fleet, _ = load_fleet(desk.repository, desk.loader, desk.branch)
    automatic = tuple(
        name
        for name, environment in fleet.environments.items()
        if environment.spec.policy.merge == "auto" and (not environments or name in environments)
    )
    found: list[Advance] = []
    for name, apps in waiting(fleet, automatic).items() if automatic else ():
        together = fleet.environments[name].spec.policy.queue == "train"
        found += _advance(desk, name, apps, together=together, dry_run=dry_run)
    return Advances(revision=fleet.revision or "", automatic=automatic, advances=tuple(found))


def _advance(desk: Desk, environment: str, apps: Sequence[str], *, together: bool, dry_run: bool) -> Iterator[Advance]:
    prepared = promote.prepare(
        apps,
        environment,
        None,
        Wishes(together=together),
        repository=desk.repository,
        loader=desk.loader,
        renderer=desk.renderer,
        senses=desk.senses if dry_run else desk.senses.acting,
        forge=desk.forge,
        pin_editor=desk.pin_editor,
        branch=desk.branch,
        reporter=desk.reporter,
    )
    if dry_run:
        results: Sequence[PromotionResult] = [planned.result() for planned in prepared.planned]
    else:
        results = promote.execute(
            prepared, repository=desk.repository, forge=desk.forge, ledger=desk.ledger, reporter=desk.reporter
        )
    merged: dict[int, Advance] = {}
    for result in results:
        if result.outcome is PromotionOutcome.NOTHING:
            continue
        number = result.pull_request
        if number is not None and number in merged:  # of one train: what came of one came of all
            first = merged[number]
            release = result.plan.after.short if result.plan else ""
            yield first.model_copy(update={"app": result.app, "release": release})
            continue
        one = _advanced(desk, result)
        if number is not None and not dry_run:
            merged[number] = one
        yield one


def _advanced(desk: Desk, result: PromotionResult) -> Advance:
    """Merge what was opened, if nothing holds it."""
    one = Advance(
        app=result.app,
        environment=result.environment,
        step=Step.OPENED,
        release=result.plan.after.short if result.plan else "",
        pull_request=result.pull_request,
    )
    if result.outcome is PromotionOutcome.BLOCKED:
        held = result.plan.blocked_by if result.plan else ()
        step = Step.WAITING if held else Step.BUSY
        return one.model_copy(update={"step": step, "held_by": held, "error": None if held else result.error})
    if result.outcome is PromotionOutcome.FAILED:
        return one.model_copy(update={"step": Step.FAILED, "error": result.error})
    if result.outcome is PromotionOutcome.PLANNED or result.pull_request is None:
        return one
    return _merge(desk, one, result.pull_request)


def _merge(desk: Desk, one: Advance, number: int) -> Advance:
    try:
        review = review_pull_request(
            number,
            forge=desk.forge,
            repository=desk.repository,
            loader=desk.loader,
            renderer=desk.renderer,
            pin_editor=desk.pin_editor,
            senses=desk.senses.acting,
            branch=desk.branch,
        )
        if review.held_by:
            return one.model_copy(update={"step": Step.WAITING, "held_by": review.held_by})
        merged = merge_reviewed(
            review, review.pull_request.head, forge=desk.forge, repository=desk.repository, ledger=desk.ledger
        )
    except (BaseMovedError, BlockedError, ConflictError) as error:
        return one.model_copy(update={"step": Step.BUSY, "error": error_data(error)})
    except FleetError as error:
        return one.model_copy(update={"step": Step.FAILED, "error": error_data(error)})
    return one.model_copy(update={"step": Step.MERGED, "commit": merged.merge_commit or merged.head})
