"""Trains: all apps of an environment that may move on, as one pull request with one verdict.

The branch has a commit for each app, the very one that a promotion of its own would have, in the order of dependencies.
So history, overrides and plan hashes are those of single promotions, and each can be reverted alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.engine.lines import one_line
from fleet.engine.plan_promotion import train_branch
from fleet.failpoints import failpoint
from fleet.model.fleet import Fleet
from fleet.model.promotion import PromotionOutcome, PromotionPlan, PromotionResult
from fleet.model.pull_request import PullRequest, PullRequestDraft
from fleet.operations.common import recording
from fleet.operations.common.planning import Planned, World
from fleet.operations.common.promotion import bring_branch
from fleet.ports.forge import Forge, ForgeReader
from fleet.ports.ledger import LedgerWriter
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader, RepositoryWriter

_NAMED = 3
"""Apps that a title names."""


def moving_together(planned: Sequence[Planned], fleet: Fleet) -> tuple[Planned, ...]:
    """Return the promotions that can move together: nothing holds them, nor any that they depend on."""
    held = {one.app for one in planned if not one.ready and not (one.plan and one.plan.nothing_to_do)}
    ready = [one for one in planned if one.ready]
    while True:
        left = [one for one in ready if not held.intersection(fleet.apps[one.app].depends_on)]
        if len(left) == len(ready):
            return tuple(ready)
        held |= {one.app for one in ready} - {one.app for one in left}
        ready = left


def carry_out_train(
    moving: Sequence[Planned],
    environment: str,
    world: World,
    *,
    repository: RepositoryWriter,
    forge: Forge,
    ledger: LedgerWriter,
    reporter: Reporter,
) -> tuple[PromotionResult, ...]:
    """Open the pull request of a train, or bring it up to date; close those of its apps alone, with the reason.

    Raises:
        ConflictError: somebody else writes to the same train at this moment.
        FleetError: git or the forge refused.
    """
    plans = [one.plan for one in moving if one.plan is not None]
    branch = train_branch(environment)
    known = forge.find_open(branch)
    body = _body(plans)
    for one in moving:
        ledger.append(recording.decided(one, world))
    head = bring_branch(plans, branch, world, repository, reporter)
    draft = PullRequestDraft(
        title=title(plans, environment),
        body=body,
        branch=branch,
        base_branch=world.branch,
        head=head,
        labels=("fleet", "train", environment),
    )
    failpoint("train.before-pull-request")
    opened = forge.open(draft)
    failpoint("train.after-pull-request")
    ledger.append([recording.opened(plan, opened) for plan in plans])
    for plan in plans:
        alone = forge.find_open(plan.branch)
        if alone is not None:
            forge.close(alone.number, f"Superseded by #{opened.number}, which moves {plan.app} together with others.")
    failpoint("train.after-closing")
    outcome = PromotionOutcome.OPENED
    if known is not None and known.number == opened.number:
        same = (known.head, known.updated) == (opened.head, opened.updated)
        outcome = PromotionOutcome.UNCHANGED if same else PromotionOutcome.UPDATED
    done = {"outcome": outcome, "pull_request": opened.number, "url": opened.url, "commit": head}
    return tuple(one.result().model_copy(update=done) for one in moving)


def title(plans: Sequence[PromotionPlan], environment: str) -> str:
    """Return the title of a train's pull request."""
    names = [plan.app for plan in plans]
    if len(names) > _NAMED:
        return f"Promote {len(names)} apps to {environment}"
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return one_line(f"Promote {listed} to {environment}")


def open_trains(environment: str, forge: ForgeReader, repository: RepositoryReader, base: str) -> Mapping[str, int]:
    """Return the number of the open train into an environment, by app that it moves."""
    found: PullRequest | None = forge.find_open(train_branch(environment))
    if found is None:
        return {}
    if not repository.has(found.head):
        repository.fetch()
    place = f"environments/{environment}/apps/"
    paths = repository.changed_paths(base, found.head)
    return {p.removeprefix(place).removesuffix(".yaml"): found.number for p in paths if p.startswith(place)}


def _body(plans: Sequence[PromotionPlan]) -> str:
    from fleet.operations.common.texts import train_text

    return train_text(plans)
