"""What is written to the ledger about promotions, and how it is read back.

The decision is appended before anything else is written, so that nothing lands without one. It names the plan by its
hash; pull request and merge follow, each with a key of its own: doing it again appends nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleet.engine import trailers
from fleet.engine.ledger import canonical, key_of
from fleet.model.change import ChangeKind
from fleet.model.ledger import ChangeCounts, Decision, EntryKind, LedgerDraft, LedgerEntry
from fleet.model.promotion import PromotionKind, PromotionPlan
from fleet.model.pull_request import PullRequest, PullRequestReview
from fleet.operations.common.planning import Planned, World
from fleet.ports.repository import Commit, RepositoryReader

OPEN, MERGE = "open", "merge"
_PIN = re.compile(r"environments/(?P<environment>[^/]+)/apps/(?P<app>[^/]+)\.yaml")


def decided(planned: Planned, world: World) -> tuple[LedgerDraft, ...]:
    """Return the decision to carry a plan out, with everything that it was made of, and the overrides in it.

    It is the same decision as before, if pin, plan, policies and verdicts are: not if only time went by.
    """
    plan = planned.plan
    assert plan is not None  # noqa: S101
    decision = Decision(
        stage=OPEN,
        promotion=plan.kind,
        app=plan.app,
        environment=plan.environment,
        source=plan.source,
        base=plan.base,
        before=plan.before,
        after=plan.after,
        plan=plan.digest,
        direct=plan.direct,
        gates=plan.gates,
        overrides=tuple(planned.overrides),
        observations=planned.observations,
        values=plan.values,
        source_release=plan.source_release,
        changes=tuple(_counts(plan)),
    )
    policies = (f"environments/{plan.environment}/environment.yaml", "fleet.yaml")
    parts = (
        OPEN,
        plan.app,
        plan.environment,
        plan.digest,
        world.repository.last_change(plan.base, plan.pin_path) or "",
        *(world.repository.tree_id(plan.base, path) or "" for path in policies),
        canonical([[trailers.gate_text(gate), gate.override is not None] for gate in plan.gates]),
    )
    return tuple(_with_overrides(decision, parts))


def opened(plan: PromotionPlan, request: PullRequest) -> LedgerDraft:
    """Return the entry of a pull request that was opened, or got another head."""
    return LedgerDraft(
        kind=EntryKind.OPENED,
        key=key_of(EntryKind.OPENED, str(request.number), request.head),
        app=plan.app,
        environment=plan.environment,
        data={"pullRequest": request.number, "head": request.head, "plan": plan.digest},
    )


def committed(plan: PromotionPlan, commit: str) -> LedgerDraft:
    """Return the entry of a release that was committed to the protected branch."""
    return LedgerDraft(
        kind=EntryKind.MERGED,
        key=key_of(EntryKind.MERGED, plan.app, plan.environment, commit),
        app=plan.app,
        environment=plan.environment,
        data={"commit": commit, "plan": plan.digest, "direct": True},
    )


def merge_decided(review: PullRequestReview, head: str, repository: RepositoryReader) -> tuple[LedgerDraft, ...]:
    """Return the decision to merge a pull request, for each pin that it changes."""
    found = review.pull_request
    said = _said(head, repository)
    data = {
        "stage": MERGE,
        "pullRequest": found.number,
        "head": head,
        "base": review.base,
        "gates": [gate.model_dump(mode="json", by_alias=True) for gate in review.gates],
        "approvers": list(review.approvers),
    }
    parts = (MERGE, str(found.number), head, canonical([trailers.gate_text(gate) for gate in review.gates]))
    return tuple(
        _about(EntryKind.DECIDED, environment, app, said, data, *parts, canonical(list(review.approvers)))
        for environment, app in _pins(review.paths)
    )


def merged(found: PullRequest, repository: RepositoryReader) -> tuple[LedgerDraft, ...]:
    """Return the entry of each release that a pull request brought."""
    said = _said(found.head, repository)
    back = trailers.first(said, trailers.KIND) == PromotionKind.ROLLBACK.value
    kind = EntryKind.ROLLED_BACK if back else EntryKind.MERGED
    data = {"pullRequest": found.number, "head": found.head, "commit": found.merge_commit or found.head}
    return tuple(
        _about(kind, environment, app, said, data, str(found.number), found.head)
        for environment, app in _pins_of(found, repository)
    )


def closed(found: PullRequest, repository: RepositoryReader) -> tuple[LedgerDraft, ...]:
    """Return the entry of a promotion that was given up; none for a pull request that is none."""
    said = _said(found.head, repository)
    app, environment = trailers.first(said, trailers.APP), trailers.first(said, trailers.TO)
    if not app or not environment:
        return ()
    reason = found.comments[-1].text if found.comments else ""
    data = {"pullRequest": found.number, "head": found.head, "reason": reason}
    return (_about(EntryKind.CLOSED, environment, app, said, data, str(found.number)),)


def _about(
    kind: EntryKind, environment: str, app: str, said: trailers.Trailers, data: Mapping[str, Any], *parts: str
) -> LedgerDraft:
    return LedgerDraft(
        kind=kind,
        key=key_of(kind, environment, app, *parts),
        app=app,
        environment=environment,
        data={**data, "plan": trailers.plan_of(said, app)},
    )


def _pins(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield environment and app of each pin among some paths."""
    for path in paths:
        named = _PIN.fullmatch(path)
        if named:
            yield named["environment"], named["app"]


def _pins_of(found: PullRequest, repository: RepositoryReader) -> Iterator[tuple[str, str]]:
    """Yield the pins that a merged pull request changed."""
    if found.base is not None and repository.has(found.base) and repository.has(found.head):
        yield from _pins(repository.changed_paths(found.base, found.head))


def decision_of(entry: LedgerEntry) -> Decision | None:
    """Return the decision to open a promotion that an entry holds; None if it holds none that can be read."""
    if entry.kind is not EntryKind.DECIDED or entry.data.get("stage") != OPEN:
        return None
    try:
        found: Decision = Decision.model_validate({**entry.data, "app": entry.app, "environment": entry.environment})
    except ValueError:
        return None
    return found


def merge_head_of(entry: LedgerEntry) -> str:
    """Return the head whose merge an entry decides; empty if it decides none."""
    if entry.kind is not EntryKind.DECIDED or entry.data.get("stage") != MERGE:
        return ""
    return str(entry.data.get("head", ""))


def _with_overrides(decision: Decision, parts: tuple[str, ...]) -> Iterator[LedgerDraft]:
    data = decision.model_dump(mode="json", by_alias=True, exclude={"app", "environment"})
    yield LedgerDraft(
        kind=EntryKind.DECIDED,
        key=key_of(EntryKind.DECIDED, *parts),
        app=decision.app,
        environment=decision.environment,
        data=data,
    )
    for gate in decision.gates:
        if gate.override is not None:
            override = gate.override
            yield LedgerDraft(
                kind=EntryKind.OVERRIDDEN,
                key=key_of(EntryKind.OVERRIDDEN, *parts, gate.name, override.by, override.reason),
                app=decision.app,
                environment=decision.environment,
                data={"gate": gate.name, "by": override.by, "reason": override.reason, "plan": decision.plan},
            )


def _counts(plan: PromotionPlan) -> Iterator[ChangeCounts]:
    for group in plan.groups:
        kinds = [change.kind for change in group.changes.objects]
        yield ChangeCounts(
            clusters=tuple(target.cluster for target in group.targets),
            added=kinds.count(ChangeKind.ADDED),
            changed=kinds.count(ChangeKind.CHANGED),
            removed=kinds.count(ChangeKind.REMOVED),
        )


def _said(head: str, repository: RepositoryReader) -> trailers.Trailers:
    commit: Commit = next(iter(repository.log(head, limit=1)))
    return trailers.parse(commit.message)
