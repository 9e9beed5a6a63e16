"""What a pull request would promote, judged once more before it merges: by its content, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.engine import trailers
from fleet.engine.gates.plan import plan_gate
from fleet.engine.people import same_person
from fleet.engine.pipeline import upstream
from fleet.engine.plan_promotion import train_branch
from fleet.engine.trailers import Trailers
from fleet.errors import ConfigError, FleetError
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.promotion import PromotionKind, PromotionPlan
from fleet.model.pull_request import PullRequest
from fleet.model.release import Pin, Release
from fleet.operations.common.carrying import Passage, merged, taken_in
from fleet.operations.common.deciding import Wishes, judged, observed
from fleet.operations.common.desired import DesiredTargets, release_of
from fleet.operations.common.history import pin_history
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observing import Senses
from fleet.operations.common.planning import Draft, World, make_plan
from fleet.ports.repository import Commit

_PIN = re.compile(r"environments/(?P<environment>[^/]+)/apps/(?P<app>[^/]+)\.yaml")


@dataclass(frozen=True, slots=True)
class Move:
    """One pin that a pull request changes."""

    app: str
    environment: str
    path: str
    before: Release | None
    after: Release
    content: bytes


def promotion_gates(
    found: PullRequest, paths: Sequence[str], world: World, senses: Senses, at: datetime | None = None
) -> tuple[GateResult, ...]:
    """Return the gates of everything that an open pull request would promote; none if it changes no release.

    The policies are those of the protected branch. Overrides are those that the head commit records, as far as the
    policy lets the person make them.

    Args:
        found: the pull request.
        paths: files that it changes.
        world: the fleet of the protected branch as it is now.
        senses: where to look.
        at: the time that it is judged for; None: now.
    """
    gates: list[GateResult] = []
    moves = list(_moves(found.head, paths, world))
    for move in moves:
        others = {other.app: other.after for other in moves if other.environment == move.environment}
        gates += _gates_of(move, found, others, world, senses, at)
    return tuple(dict.fromkeys(gates))


def _moves(head: str, paths: Sequence[str], world: World) -> Iterator[Move]:
    for path in paths:
        named = _PIN.fullmatch(path)
        if named is None or named["environment"] not in world.fleet.environments:
            continue
        if world.repository.tree_id(head, path) is None:
            continue  # the app leaves the environment: a change of the fleet, not a promotion
        content = world.repository.read_file(head, path)
        after = world.pin_editor.read(content, path)
        present = world.fleet.environments[named["environment"]].pins.get(named["app"])
        before = present.release if present is not None else None
        if after is not None and after != before:
            yield Move(named["app"], named["environment"], path, before, after, content)


def _gates_of(
    move: Move, found: PullRequest, others: Mapping[str, Release], world: World, senses: Senses, at: datetime | None
) -> Iterator[GateResult]:
    """Yield the gates of one move; ``others`` are all releases that the pull request moves into the environment."""
    commit = _commit(found.head, move.path, world)
    said = trailers.parse(commit.message)
    kind = _kind(move, said, world)
    source = _source(move, kind, said, world)
    draft = _draft(move, kind, source)
    draft = replace(draft, source_release=_source_release(move, source, said, world))
    try:
        planned = make_plan(draft, world)
    except FleetError as error:
        yield _not_rendered(move, error)
        return
    states = _at_source(move, source, draft.source_release or move.after, world)
    own = [o for o in trailers.overrides_of(said) if same_person(o.by, str(commit.author))]
    wishes = Wishes(overrides=own, at=at)
    observations = observed(world, [planned], states, senses)
    if found.branch == train_branch(move.environment):
        observations = observations.model_copy(update={"together": dict(others)})
    judgement = judged(planned, world, observations, wishes)
    if judgement.plan is None:  # an override that nobody may make: judged without any
        judgement = judged(planned, world, observations, replace(wishes, overrides=()))
    assert judgement.plan is not None  # noqa: S101
    yield from (gate for gate in judgement.plan.gates if gate.kind != "approvals")
    recorded = trailers.plan_of(said, move.app)
    if recorded:
        same = recorded == judgement.plan.digest
        proposed = judgement.plan if same else _proposed(commit, draft, world)
        yield plan_gate(proposed, judgement.plan) if proposed else _not_known(move)


def _kind(move: Move, said: Trailers, world: World) -> PromotionKind:
    """Return what a change of a pin is. A rollback is believed only if the release was there before."""
    if trailers.first(said, trailers.KIND) == PromotionKind.ROLLBACK.value and _was_there(move, world):
        return PromotionKind.ROLLBACK
    if world.fleet.environments[move.environment].spec.promotes_from is None:
        return PromotionKind.RELEASE
    far = trailers.first(said, trailers.FROM) in upstream(world.fleet, move.environment)[1:]
    return PromotionKind.HOTFIX if far else PromotionKind.PROMOTION


def _source(move: Move, kind: PromotionKind, said: Trailers, world: World) -> str | None:
    if kind is PromotionKind.HOTFIX:
        return trailers.first(said, trailers.FROM)
    return world.fleet.environments[move.environment].spec.promotes_from if kind.moves_on else None


def _was_there(move: Move, world: World) -> bool:
    history = pin_history(
        world.base,
        repository=world.repository,
        pin_editor=world.pin_editor,
        environment=move.environment,
        app=move.app,
    )
    return any(entry.after == move.after for entry in history)


def _draft(move: Move, kind: PromotionKind, source: str | None) -> Draft:
    return Draft(
        kind=kind,
        app=move.app,
        environment=move.environment,
        before=move.before,
        after=move.after,
        content=move.content,
        source=source,
    )


def _source_release(move: Move, source: str | None, said: Trailers, world: World) -> Release | None:
    """Return the release of the source, if what the pull request brings is what it merges to; otherwise none.

    Then it is that release which has to prove itself there, with the values that it has there.
    """
    if source is None:
        return None
    try:
        theirs = release_of(world.fleet, source, move.app, repository=world.repository, loader=world.loader)
        if theirs is None or (theirs.version, theirs.revision) != (move.after.version, move.after.revision):
            return None
        passage = Passage(move.app, source, move.environment, move.before, theirs)
        return theirs if merged(world, passage, taken_in(said))[0] == move.after else None
    except FleetError:
        return None


def _at_source(move: Move, source: str | None, release: Release, world: World) -> DesiredTargets:
    """Return what the source environment would be at exactly a release, to compare with what is live there."""
    if source is None:
        return DesiredTargets({}, {})
    there = world.fleet.environments[source].pins.get(move.app, Pin())
    pin = there.model_copy(update={"release": release})
    targets: Sequence[Target] = world.targets(source, move.app)
    return world.render(targets, {(source, move.app): pin})


def _commit(head: str, path: str, world: World) -> Commit:
    """Return the commit of a branch that changed a pin last: its message says why."""
    return next(iter(world.repository.log(head, paths=[path], limit=1)))


def _proposed(commit: Commit, draft: Draft, world: World) -> PromotionPlan | None:
    """Return the plan as it was when the pull request was made; None if that cannot be found out any more."""
    if not commit.parents:
        return None
    try:
        fleet, tree = load_fleet(world.repository, world.loader, world.branch, revision=commit.parents[0], fetch=False)
        then = World(fleet, tree, world.repository, world.loader, world.renderer, world.pin_editor, world.branch)
        pin = fleet.environments[draft.environment].pins.get(draft.app)
        before = pin.release if pin is not None else None
        made = make_plan(replace(draft, before=before), then)
    except (FleetError, KeyError):
        return None
    return made.plan


def _not_rendered(move: Move, error: FleetError) -> GateResult:
    problems = error.problems if isinstance(error, ConfigError) else ()
    reason = f"{error.message}: {problems[0].message}" if problems else error.message
    return GateResult(name=f"render({move.environment})", verdict=Verdict.FAILED, reason=reason, holds="merge")


def _not_known(move: Move) -> GateResult:
    return GateResult(
        name=f"plan({move.environment})",
        verdict=Verdict.PENDING,
        reason="what was proposed cannot be worked out any more, so nobody knows whether it is the same",
        holds="merge",
        hint=f"fleet promote {move.app} --to {move.environment}",
    )
