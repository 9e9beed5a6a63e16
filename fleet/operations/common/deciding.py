"""Puts a promotion before the gates: the plan, what was observed, and the time make a case; the case makes verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fleet.engine.gates.case import Case
from fleet.engine.gates.registry import decide
from fleet.model.gate import Override
from fleet.model.names import Target
from fleet.model.observation import Observations
from fleet.model.promotion import HistoryEntry, PromotionPlan
from fleet.model.release import Release
from fleet.operations.common.desired import DesiredTargets
from fleet.operations.common.history import pin_history
from fleet.operations.common.observing import Senses, look
from fleet.operations.common.planning import Planned, World
from fleet.ports.probes import Question

NOTHING_RENDERED = DesiredTargets({}, {})


@dataclass(frozen=True)
class Wishes:
    """What a person asked for beside the promotion itself."""

    overrides: Sequence[Override] = ()


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
    for planned in plans:
        plan = planned.plan
        if plan is None or plan.nothing_to_do:
            continue
        if plan.source is not None:
            wanted |= dict.fromkeys(world.targets(plan.source, plan.app), plan.after)
        questions.append(Question(world.fleet, plan.app, plan.source, plan.environment, plan.after))
    return look(world.fleet, wanted, states, questions, senses=senses)


def judged(planned: Planned, world: World, observations: Observations, wishes: Wishes | None = None) -> Planned:
    """Return a planned promotion with the verdict of every gate."""
    plan = planned.plan
    if plan is None or plan.nothing_to_do:
        return planned
    case = case_of(plan, planned, world, observations, wishes or Wishes())
    return replace(planned, plan=plan.model_copy(update={"gates": decide(case)}))


def case_of(plan: PromotionPlan, planned: Planned, world: World, observations: Observations, wishes: Wishes) -> Case:
    """Return everything that the gates look at."""
    return Case(
        fleet=world.fleet,
        kind=plan.kind,
        app=plan.app,
        environment=plan.environment,
        source=plan.source,
        before=plan.before,
        after=plan.after,
        observed=observations,
        now=observations.at,
        history=_history(world, plan.app),
        objects=planned.objects,
        overrides=wishes.overrides,
        direct=plan.direct,
    )


def _history(world: World, app: str) -> tuple[HistoryEntry, ...]:
    return tuple(pin_history(world.base, repository=world.repository, pin_editor=world.pin_editor, app=app))
