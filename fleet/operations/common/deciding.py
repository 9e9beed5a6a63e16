"""Puts a promotion before the gates: the plan, what was observed, and the time make a case; the case makes verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleet.engine.gates import queue
from fleet.engine.gates.case import Case
from fleet.engine.gates.overriding import refused_override
from fleet.engine.gates.registry import decide
from fleet.engine.gates.removals import deprecations, uses_ending
from fleet.engine.merging import Takes
from fleet.engine.versions import older
from fleet.errors import DeniedError
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.names import Target
from fleet.model.observation import Observations
from fleet.model.promotion import PromotionKind, PromotionPlan
from fleet.model.release import Release
from fleet.operations.common.desired import DesiredTargets
from fleet.operations.common.interfaces import declarations
from fleet.operations.common.observing import Senses, look
from fleet.operations.common.planning import Planned, World, assuming
from fleet.ports.probes import Question

NOT_ALLOWED = "FLT-GAT-020"
NOTHING_RENDERED = DesiredTargets({}, {})


@dataclass(frozen=True)
class Wishes:
    """What a person asked for beside the promotion itself."""

    overrides: Sequence[Override] = ()
    """What to promote past, by whom and why."""
    at: datetime | None = None
    """The time for which it is decided; none: the time of the observations."""
    together: bool = False
    """Whether the apps move as one pull request."""
    skip_order: bool = False
    """Whether the release may come from an environment further up, past those between."""
    release: str | None = None
    """Version, or start of the revision, of the release to promote; none: what is pinned at the source."""
    takes: Takes = field(default_factory=Takes)
    """Which side of values that were changed on both sides."""


def observed(world: World, plans: Iterable[Planned], states: DesiredTargets, senses: Senses) -> Observations:
    """Return what the gates of these promotions need to know of the outside, observed now.

    Args:
        world: the fleet.
        plans: promotions that have something to do.
        states: desired states of the source environments, at the releases that are to be promoted.
        senses: where to look.
    """
    wanted: dict[Target, Release] = {}
    questions = []
    versions: dict[str, None] = {}
    for planned in plans:
        plan = planned.plan
        if plan is None or plan.nothing_to_do:
            continue
        if plan.source is not None:
            wanted |= dict.fromkeys(world.targets(plan.source, plan.app), plan.proven)
        if plan.before is not None and queue.asks_for_health(world.fleet, plan.kind, plan.environment):
            wanted |= dict.fromkeys(world.targets(plan.environment, plan.app), plan.before)
        if plan.kind is not PromotionKind.ROLLBACK:  # nobody is asked whether one may go back
            questions.append(Question(world.fleet, plan.app, plan.source, plan.environment, plan.after))
        versions |= dict.fromkeys(target.cluster for target in uses_ending(planned.objects))
    states = _with_missing(world, wanted, states)
    return look(world.fleet, wanted, states, questions, senses=senses, versions=tuple(versions))


def _with_missing(world: World, wanted: Iterable[Target], states: DesiredTargets) -> DesiredTargets:
    """Return desired states of all targets that are to be looked at; a release has rendered none of its own yet."""
    missing = [t for t in wanted if t not in states.states and t not in states.problems]
    if not missing:
        return states
    more = world.render(missing)
    return DesiredTargets({**states.states, **more.states}, {**states.problems, **more.problems})


def judged(planned: Planned, world: World, observations: Observations, wishes: Wishes | None = None) -> Planned:
    """Return a planned promotion with the verdict of every gate."""
    plan = planned.plan
    if plan is None or plan.nothing_to_do:
        return planned
    wishes = wishes or Wishes()
    seen = concerning(plan.app, world.fleet, observations)
    if seen.together:  # what one needs of another may come with it
        world = assuming(world, plan.environment, seen.together)
    case = case_of(plan, planned, world, seen, wishes)
    gates = decide(case)
    refused = [text for text in (refused_override(case, gates, o) for o in case.overrides) if text]
    if refused:
        error = DeniedError("; ".join(refused), code=NOT_ALLOWED, hints=_names_of(gates))
        return replace(planned, plan=None, error=error)
    warnings = dict.fromkeys((*plan.warnings, *deprecations(planned.objects, observations.versions)))
    return replace(
        planned,
        plan=plan.model_copy(update={"gates": gates, "warnings": tuple(warnings)}),
        observations=seen,
        overrides=tuple(wishes.overrides),
    )


def concerning(app: str, fleet: Fleet, observations: Observations) -> Observations:
    """Return what was observed of an app and of those that it depends on: a decision is recorded with what it saw."""
    apps, pending = set[str](), [app]
    while pending:
        name = pending.pop()
        if name not in apps:
            apps.add(name)
            spec = fleet.apps.get(name)
            pending += spec.depends_on if spec else ()
    targets = tuple(seen for seen in observations.targets if seen.target.app in apps)
    return observations.model_copy(update={"targets": targets})


def _names_of(gates: Sequence[GateResult]) -> tuple[str, ...]:
    held = [f"`{gate.name}`" for gate in gates if gate.verdict is not Verdict.PASSED]
    return (f"gates that do not pass: {', '.join(held)}",) if held else ()


def case_of(plan: PromotionPlan, planned: Planned, world: World, observations: Observations, wishes: Wishes) -> Case:
    """Return everything that the gates look at."""
    history = world.history(plan.app)
    places = [plan.environment, *([plan.source] if plan.source is not None else [])]
    declared = declarations(
        world.fleet, world.specs, plan.app, places, before=plan.before, after=plan.after, history=history
    )
    return Case(
        fleet=world.fleet,
        kind=plan.kind,
        app=plan.app,
        environment=plan.environment,
        source=plan.source,
        before=plan.before,
        after=plan.after,
        observed=observations,
        now=wishes.at or observations.at,
        history=history,
        objects=planned.objects,
        specs=declared.specs,
        specs_before=declared.before,
        specs_past=declared.past,
        unread=declared.unread,
        overrides=wishes.overrides,
        source_release=plan.source_release,
        values=plan.values,
        together=bool(observations.together),
        undoes=_undone_hotfix(plan, world),
        direct=plan.direct,
    )


def _undone_hotfix(plan: PromotionPlan, world: World) -> str:
    """Return the hotfix that an environment would lose again; empty if there is none."""
    if plan.before is None or plan.kind is not PromotionKind.PROMOTION:
        return ""
    here = (e for e in world.history(plan.app) if e.environment == plan.environment)
    newest = next((entry for entry in here if entry.after == plan.before), None)
    if newest is None or newest.kind is not PromotionKind.HOTFIX:
        return ""
    contained = world.repository.is_ancestor(plan.before.revision, plan.after.revision)
    return "" if contained and not older(plan.after.version, plan.before.version) else plan.before.short
