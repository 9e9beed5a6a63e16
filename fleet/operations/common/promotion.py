"""Carries out what release, promote and rollback plan.

First the decision goes to the ledger: where that is not possible, nothing is written. Then come two writes, the branch
and the pull request, each a compare-and-swap. The process may die before, between or after them: the same command again
finds what is there, and does the rest.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from fleet.engine import trailers
from fleet.engine.lines import one_line
from fleet.errors import ConflictError
from fleet.failpoints import failpoint
from fleet.model.events import Level, Message
from fleet.model.promotion import PromotionOutcome, PromotionPlan, PromotionResult
from fleet.model.pull_request import PullRequest, PullRequestDraft
from fleet.operations.common import recording
from fleet.operations.common.planning import Planned, World
from fleet.ports.forge import Forge
from fleet.ports.ledger import LedgerWriter
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RefUpdate, RepositoryReader, RepositoryWriter

SAME_APP = "FLT-PRM-002"
PIN_MOVED = "FLT-PRM-003"
_COMMENTS = 5
"""How many of the latest comments are looked at for one that was made already: the same may be true again later."""
_ATTEMPTS = 20
"""How often a direct commit starts over on top of a branch that moves all the time."""


def carry_out(
    planned: Planned,
    world: World,
    *,
    repository: RepositoryWriter,
    forge: Forge,
    ledger: LedgerWriter,
    reporter: Reporter,
) -> PromotionResult:
    """Carry a plan out: branch and pull request, or one commit on the protected branch where the policy lets it.

    Raises:
        ConflictError: somebody else promotes the same app into the same environment at this moment.
        FleetError: git, the forge or the ledger refused.
        UnreachableError: the remote cannot be reached.
    """
    if not planned.ready or planned.plan is None:
        return planned.result()
    if planned.plan.direct:
        return _commit_directly(planned, world, repository, ledger)
    return _open_pull_request(planned, world, repository, forge, ledger, reporter)


def _open_pull_request(
    planned: Planned,
    world: World,
    repository: RepositoryWriter,
    forge: Forge,
    ledger: LedgerWriter,
    reporter: Reporter,
) -> PromotionResult:
    plan, known = _plan(planned), planned.pull_request
    body = _body(plan, world)  # a template that cannot be used is told before anything is written
    ledger.append(recording.decided(planned, world))
    head = bring_branch([plan], plan.branch, world, repository, reporter)
    draft = PullRequestDraft(
        title=plan.title,
        body=body,
        branch=plan.branch,
        base_branch=world.branch,
        head=head,
        labels=("fleet", plan.kind.value, plan.environment),
    )
    _tell_what_is_superseded(plan, known, forge)
    failpoint("promote.before-pull-request")
    opened = forge.open(draft)
    failpoint("promote.after-pull-request")
    ledger.append([recording.opened(plan, opened)])
    outcome = PromotionOutcome.OPENED
    if known is not None and known.number == opened.number:
        same = (known.head, known.updated) == (opened.head, opened.updated)
        outcome = PromotionOutcome.UNCHANGED if same else PromotionOutcome.UPDATED
    return planned.result().model_copy(
        update={"outcome": outcome, "pull_request": opened.number, "url": opened.url, "commit": head}
    )


def _tell_what_is_superseded(plan: PromotionPlan, known: PullRequest | None, forge: Forge) -> None:
    """Comment once on an open pull request whose release gives way to another one.

    The branch has the new release by then and the title is still of the old one: whoever dies here finds it so again.
    """
    if known is None or known.title == plan.title:
        return
    text = f"Superseded: this pull request was `{one_line(known.title, 200)}`. Now it is `{plan.title}`."
    if any(comment.text == text for comment in forge.get(known.number).comments[-_COMMENTS:]):
        return
    forge.comment(known.number, text)
    failpoint("promote.after-comment")


def bring_branch(
    plans: Sequence[PromotionPlan], branch: str, world: World, repository: RepositoryWriter, reporter: Reporter
) -> str:
    """Bring a branch to what plans say, a commit for each on top of the last, unless it is there; return its head.

    Raises:
        ConflictError: somebody else writes to the same branch at this moment.
    """
    lost: ConflictError | None = None
    for _ in range(2):
        present = repository.head_of(branch)
        if present is not None and _is_current(plans, present, repository):
            return present
        if lost is not None:
            raise _same_app(plans[0], present, repository) from lost
        if present is not None:
            _tell_what_is_lost(plans, branch, present, repository, reporter)
        new = plans[0].base
        for plan in plans:
            new = repository.commit([new], {plan.pin_path: plan.content.encode()}, _message(plan, world))
        failpoint("promote.before-push")
        try:
            repository.push([RefUpdate(f"refs/heads/{branch}", present, new)])
        except ConflictError as error:
            lost = error
            repository.fetch()
            continue
        failpoint("promote.after-push")
        return new
    raise _same_app(plans[0], repository.head_of(branch), repository) from lost


def _is_current(plans: Sequence[PromotionPlan], head: str, repository: RepositoryReader) -> bool:
    """Say whether a branch carries exactly these plans, and can be merged. It may stand on an older base."""
    base = plans[0].base
    commits = list(repository.log(head, limit=len(plans)))
    for plan, commit in zip(reversed(plans), commits, strict=False):
        said = trailers.parse(commit.message)
        if trailers.first(said, trailers.PLAN) != plan.digest or trailers.overrides_of(said) != plan.overrides:
            return False
    if sorted(repository.changed_paths(base, head)) != sorted(plan.pin_path for plan in plans):
        return False
    if any(repository.read_file(head, plan.pin_path) != plan.content.encode() for plan in plans):
        return False
    return base in commits[-1].parents or not repository.conflicts(base, head)


def _tell_what_is_lost(
    plans: Sequence[PromotionPlan], branch: str, head: str, repository: RepositoryReader, reporter: Reporter
) -> None:
    """Warn before changes are replaced that somebody made by hand on a branch of ours."""
    ours = {plan.pin_path for plan in plans}
    others = [path for path in repository.changed_paths(plans[0].base, head) if path not in ours]
    others = [
        path for path in others if len(plans) == 1 or not path.startswith(f"environments/{plans[0].environment}/")
    ]
    if others:
        names = ", ".join(f"`{one_line(path, 80)}`" for path in others[:3])
        text = f"`{branch}` also changed {names}, which is not part of a promotion: replaced; it was {head[:12]}"
        reporter.emit(Message(Level.WARN, text))


def _same_app(plan: PromotionPlan, head: str | None, repository: RepositoryReader) -> ConflictError:
    who, what = "somebody else", "something else"
    if head is not None:
        commit = next(iter(repository.log(head, limit=1)))
        said = trailers.parse(commit.message)
        who, what = one_line(str(commit.author), 100), trailers.first(said, trailers.VERSION) or what
    return ConflictError(
        f"`{plan.app}` is being moved to {what} in `{plan.environment}` by {who} at this moment",
        code=SAME_APP,
        hints=("fleet pr list", "then run the command again: it starts from what is there now"),
    )


def _commit_directly(
    planned: Planned, world: World, repository: RepositoryWriter, ledger: LedgerWriter
) -> PromotionResult:
    """Commit on the protected branch; start over on top of it as often as it moves elsewhere."""
    plan, base = _plan(planned), world.base
    message, ref = _message(plan, world), f"refs/heads/{world.branch}"
    ledger.append(recording.decided(planned, world))
    for number in range(_ATTEMPTS):
        new = repository.commit([base], {plan.pin_path: plan.content.encode()}, message)
        failpoint("release.before-push")
        try:
            repository.push([RefUpdate(ref, base, new)])
        except ConflictError as error:
            repository.fetch()
            head = repository.head_of(world.branch)
            if head is not None and _has(plan, head, repository):
                return planned.result().model_copy(update={"outcome": PromotionOutcome.NOTHING})
            if head is None or not _untouched(plan, world, head, repository):
                raise _pin_moved(plan, world.branch) from error
            base = head
            time.sleep(random.uniform(0, 0.02) * (number + 1))  # noqa: S311 - jitter, not a secret
            continue
        failpoint("release.after-push")
        ledger.append([recording.committed(plan, new)])
        return planned.result().model_copy(update={"outcome": PromotionOutcome.COMMITTED, "commit": new})
    raise _pin_moved(plan, world.branch)


def _has(plan: PromotionPlan, head: str, repository: RepositoryReader) -> bool:
    """Say whether somebody else made the very same release meanwhile."""
    there = repository.tree_id(head, plan.pin_path) is not None
    return there and repository.read_file(head, plan.pin_path) == plan.content.encode()


def _untouched(plan: PromotionPlan, world: World, head: str, repository: RepositoryReader) -> bool:
    """Say whether the protected branch moved without touching the pin, or the policy under which it is written."""
    paths = (plan.pin_path, f"environments/{plan.environment}/environment.yaml", "fleet.yaml")
    return all(repository.tree_id(head, path) == repository.tree_id(world.base, path) for path in paths)


def _pin_moved(plan: PromotionPlan, branch: str) -> ConflictError:
    return ConflictError(
        f"`{plan.pin_path}` was changed on `{branch}` by somebody else at this moment",
        code=PIN_MOVED,
        hints=("run the command again: it starts from what is there now",),
    )


def _message(plan: PromotionPlan, world: World) -> str:
    from fleet.operations.common.texts import commit_message  # Jinja2 is needed only when something is written

    return commit_message(plan, world.tree)


def _body(plan: PromotionPlan, world: World) -> str:
    from fleet.operations.common.texts import pull_request_text

    return pull_request_text(plan, world.tree)


def _plan(planned: Planned) -> PromotionPlan:
    assert planned.plan is not None  # noqa: S101
    return planned.plan
