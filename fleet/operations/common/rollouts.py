"""Who takes part in the roll-outs of a reconcile: waves of the fleet, and where each target stands at the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fleet.engine.waves import Member, Stand
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.reconcile import Action, PlannedTarget, ReconcilePlan
from fleet.model.state import DesiredState
from fleet.operations.common.execution import works
from fleet.operations.common.observe import Observation

AFTER_ALL_WAVES = 1_000_000
"""Position of targets that are removed: no roll-out waits for them."""


def wave_name(fleet: Fleet, target: Target) -> str:
    """Return the name of a declared target's wave."""
    return fleet.environments[target.environment].wave_of(target.cluster).name


def position(fleet: Fleet, target: Target) -> int:
    """Return the position of a declared target's wave; 0 rolls out first."""
    return fleet.environments[target.environment].wave_of(target.cluster).position


def limits(fleet: Fleet) -> dict[tuple[str, str], int]:
    """Return how many clusters of a wave may change at once, by environment and wave name."""
    return {
        (environment.name, wave.name): wave.max_concurrent
        for environment in fleet.environments.values()
        for wave in environment.waves
        if wave.max_concurrent is not None
    }


def earlier_waves(fleet: Fleet, selected: Iterable[Target]) -> tuple[Target, ...]:
    """Return the targets in earlier waves of what is selected, that are not selected themselves."""
    chosen = set(selected)
    last = _last_waves(fleet, chosen)
    return tuple(
        Target(app, environment.name, cluster)
        for environment in fleet.environments.values()
        for wave in environment.waves
        for app in environment.pins
        if wave.position < last.get((environment.name, app), 0)
        for cluster in wave.clusters
        if Target(app, environment.name, cluster) not in chosen
    )


def needed_for_gates(fleet: Fleet, changed: Iterable[Target], known: Iterable[Target]) -> set[Target]:
    """Return the targets whose health the waves of changed targets depend on."""
    last = _last_waves(fleet, changed)
    return {t for t in known if position(fleet, t) < last.get((t.environment, t.app), 0)}


def _last_waves(fleet: Fleet, targets: Iterable[Target]) -> dict[tuple[str, str], int]:
    """Return the position of the last wave of some targets, by environment and app."""
    last: dict[tuple[str, str], int] = {}
    for target in targets:
        key = (target.environment, target.app)
        last[key] = max(last.get(key, 0), position(fleet, target))
    return last


def members(
    fleet: Fleet,
    plan: ReconcilePlan,
    observation: Observation,
    peers: Iterable[Target],
    desired: Mapping[Target, DesiredState],
) -> list[Member]:
    """Return everything that takes part: what is worked on, and what only counts for later waves."""
    found = [member for item in plan.targets if (member := _planned(fleet, item, observation))]
    for target in peers:
        stand, reason = Stand.BROKEN, "it cannot be rendered, or has no release"
        if target in desired:
            stand, reason = _observed(observation, target)
        found.append(Member(target, wave_name(fleet, target), position(fleet, target), stand, reason=reason))
    return found


def _planned(fleet: Fleet, item: PlannedTarget, observation: Observation) -> Member | None:
    if item.action is Action.REMOVE:
        return Member(item.target, item.wave, AFTER_ALL_WAVES, Stand.WAITING, gated=False)
    if item.action is Action.LEAVE or not item.wave:
        return None
    stand, reason = Stand.WAITING, ""
    if item.action is Action.SKIP:
        stand, reason = _observed(observation, item.target)
    elif not works(item.action):
        stand, reason = Stand.QUARANTINED if item.unreachable else Stand.BROKEN, item.reason
    return Member(item.target, item.wave, position(fleet, item.target), stand, item.gated, reason)


def _observed(observation: Observation, target: Target) -> tuple[Stand, str]:
    """Return where a target stands that nothing is done with."""
    if target.cluster in observation.unreachable:
        return Stand.QUARANTINED, observation.unreachable[target.cluster]
    health = observation.health.get(target)
    if health is None:  # not looked at: no later wave of it has anything to do
        return Stand.VERIFIED, ""
    if not health.exact:
        return Stand.BROKEN, health.reason or "it runs another release"
    if health.status is not HealthStatus.HEALTHY:
        return Stand.BROKEN, health.reason
    return Stand.VERIFIED, ""
