"""Everything that decides about promotions and is not in the fleet's files, observed at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet.errors import FleetError
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.observation import Observations, ProbeAnswer, TargetObservation
from fleet.model.release import Release
from fleet.model.restriction import Restrictions
from fleet.operations.common.desired import DesiredTargets
from fleet.operations.common.observe import observe
from fleet.ports.clock import Clock
from fleet.ports.cluster import Clusters
from fleet.ports.probes import Prober, Question
from fleet.ports.restrictions import RestrictionReader


@dataclass(frozen=True)
class Senses:
    """What promotions look at outside of the fleet's files."""

    clusters: Clusters
    clock: Clock
    restrictions: RestrictionReader | None = None
    """None: nothing restricts anything."""
    prober: Prober | None = None
    """None: nobody can be asked, and gates that need it are pending."""


def look(
    fleet: Fleet,
    wanted: Mapping[Target, Release],
    states: DesiredTargets,
    questions: Iterable[Question],
    *,
    senses: Senses,
) -> Observations:
    """Return what is observed now. What cannot be found out is left open, and gates that need it are pending.

    Args:
        fleet: the fleet that the promotions start from.
        wanted: targets to look at, with the release that each should have.
        states: desired states of these targets at these releases, and why others have none.
        questions: what gates of one's own ask about.
        senses: where to look.
    """
    seen = observe(fleet, {t: s for t, s in states.states.items() if t in wanted}, clusters=senses.clusters)
    targets = []
    for target, release in wanted.items():
        health = seen.health.get(target)
        problems = tuple(problem.message for problem in states.problems.get(target, ()))
        if health is None and not problems:
            continue
        targets.append(
            TargetObservation(
                target=target,
                release=release,
                status=health.status if health else HealthStatus.UNKNOWN,
                exact=health.exact if health else False,
                reason=health.reason if health else "",
                problems=problems,
            )
        )
    return Observations(
        at=senses.clock.now(),
        targets=tuple(targets),
        restrictions=_restrictions(senses.restrictions),
        probes=tuple(answer for question in questions for answer in _answers(question, senses.prober)),
    )


def _restrictions(reader: RestrictionReader | None) -> Restrictions | None:
    try:
        return reader.read() if reader is not None else Restrictions()
    except FleetError:
        return None


def _answers(question: Question, prober: Prober | None) -> Iterable[ProbeAnswer]:
    if prober is None:
        return ()
    gates = [g for g in question.fleet.environments[question.environment].spec.policy.gates if g.cel is None]
    return prober.ask(gates, question) if gates else ()
