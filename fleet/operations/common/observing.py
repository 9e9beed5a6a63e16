"""Everything that decides about promotions and is not in the fleet's files, observed at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.engine.kubernetes_apis import minor_of, release_text
from fleet.errors import FleetError
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.observation import Observations, ProbeAnswer, TargetObservation
from fleet.model.policy import GateSpec
from fleet.model.release import Release
from fleet.model.restriction import Restrictions
from fleet.operations.common.desired import DesiredTargets
from fleet.operations.common.observe import observe
from fleet.ports.clock import Clock
from fleet.ports.cluster import Clusters
from fleet.ports.probes import Prober, Question
from fleet.ports.restrictions import RestrictionReader

_MOST_CLUSTERS = 16
"""Clusters that are asked for their version at the same time."""
_MOST_QUESTIONS = 8
"""Promotions whose gates are asked at the same time."""


@dataclass(frozen=True)
class Senses:
    """What promotions look at outside of the fleet's files."""

    clusters: Clusters
    clock: Clock
    restrictions: RestrictionReader
    prober: Prober | None = None
    """None: nobody can be asked, and gates that need it are pending."""
    starts: bool = False
    """Whether a Job that a gate asks for may be started; whoever only looks leaves the clusters as they are."""

    @property
    def acting(self) -> Senses:
        """The same, for somebody who is about to promote: what gates need to be started is started."""
        return replace(self, starts=True)


def look(
    fleet: Fleet,
    wanted: Mapping[Target, Release],
    states: DesiredTargets,
    questions: Iterable[Question],
    *,
    senses: Senses,
    versions: Sequence[str] = (),
) -> Observations:
    """Return what is observed now. What cannot be found out is left open, and gates that need it are pending.

    Args:
        fleet: the fleet that the promotions start from.
        wanted: targets to look at, with the release that each should have.
        states: desired states of these targets at these releases, and why others have none.
        questions: what gates of one's own ask about.
        senses: where to look.
        versions: clusters whose Kubernetes version is needed.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="looking") as pool:
        restricting = pool.submit(_restrictions, senses.restrictions)  # git is asked while the clusters are
        asked = pool.submit(_versions, fleet, versions, senses.clusters) if versions else None
        seen = observe(fleet, {t: s for t, s in states.states.items() if t in wanted}, clusters=senses.clusters)
        answered = asked.result() if asked is not None else {}
        restrictions, unread = restricting.result()
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
                since=health.since if health else None,
                problems=problems,
            )
        )
    now = senses.clock.now()
    return Observations(
        at=now,
        targets=tuple(targets),
        versions=answered,
        restrictions=restrictions,
        unread=unread,
        probes=_answers(questions, senses, now),
    )


def _versions(fleet: Fleet, names: Sequence[str], clusters: Clusters) -> dict[str, str]:
    """Return the Kubernetes release of each cluster that answers, as `1.36`."""

    def ask(name: str) -> str | None:
        try:
            return clusters.reader(name, fleet.clusters[name]).version()
        except FleetError:
            return None

    with ThreadPoolExecutor(min(len(names), _MOST_CLUSTERS), thread_name_prefix="version") as pool:
        answers = zip(names, pool.map(ask, names), strict=True)
        releases = {name: minor_of(answer) for name, answer in answers if answer is not None}
    return {name: release_text(release) for name, release in releases.items() if release is not None}


def _restrictions(reader: RestrictionReader) -> tuple[Restrictions | None, str]:
    """Return what restricts promotions; None with the reason if that cannot be found out."""
    try:
        return reader.read(), ""
    except FleetError as error:
        return None, error.message


def _answers(questions: Iterable[Question], senses: Senses, now: datetime) -> tuple[ProbeAnswer, ...]:
    """Return the answers to the gates of all promotions, asked side by side."""
    asked = [(question, gates) for question in questions if (gates := _gates(question))]
    prober = senses.prober
    if prober is None or not asked:
        return ()
    with ThreadPoolExecutor(min(len(asked), _MOST_QUESTIONS), thread_name_prefix="probe") as pool:
        found = pool.map(lambda one: prober.ask(one[1], one[0], now, start=senses.starts), asked)
        return tuple(answer for answers in found for answer in answers)


def _gates(question: Question) -> list[GateSpec]:
    policy = question.fleet.environments[question.environment].spec.policy
    return [gate for gate in policy.gates if gate.cel is None]
