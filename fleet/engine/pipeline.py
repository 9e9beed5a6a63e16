"""The pipeline of environments, and which clusters form environments and waves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.model.declared import WaveSpec
from fleet.model.fleet import Fleet, Wave
from fleet.model.selector import ClusterSelector

REST = "rest"
"""Name of the last wave: the clusters that no declared wave selects."""

ALL = "all"
"""Name of the only wave of an environment that declares none."""


def order(promotes_from: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the environments in pipeline order: each after its source, one pipeline after the other, then by name.

    A source that is not declared counts as none. Environments of a cycle come last.
    """
    children: dict[str | None, list[str]] = {}
    for name in sorted(promotes_from):
        source = promotes_from[name]
        children.setdefault(source if source in promotes_from else None, []).append(name)
    result: list[str] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        name = waiting.pop()
        result.append(name)
        waiting.extend(reversed(children.get(name, [])))
    return (*result, *sorted(set(promotes_from) - set(result)))


def cycles(promotes_from: Mapping[str, str | None]) -> tuple[tuple[str, ...], ...]:
    """Return every circle of `promotesFrom`, each once, in the direction of promotion, from its smallest name."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in sorted(promotes_from):
        path: list[str] = []
        name: str | None = start
        while name is not None and name in promotes_from and name not in path:
            path.append(name)
            name = promotes_from[name]
        if name == start:
            found.setdefault(frozenset(path), (start, *reversed(path[1:])))
    return tuple(found.values())


def upstream(fleet: Fleet, environment: str) -> tuple[str, ...]:
    """Return the environments that a release passes on its way to this one, the nearest first."""
    found: list[str] = []
    name = fleet.environments[environment].spec.promotes_from
    while name is not None and name in fleet.environments and name not in found:
        found.append(name)
        name = fleet.environments[name].spec.promotes_from
    return tuple(found)


def members(selector: ClusterSelector, clusters: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Return the clusters (name → labels) that a selector selects, sorted by name."""
    return tuple(sorted(name for name, labels in clusters.items() if selector.matches(name, labels)))


def waves(
    declared: Sequence[WaveSpec], environment: Sequence[str], clusters: Mapping[str, Mapping[str, str]]
) -> tuple[Wave, ...]:
    """Place each cluster of an environment into exactly one wave.

    The first declared wave that selects a cluster has it; what is left forms the last wave, `rest` (`all`, if no wave
    is declared). A wave without clusters is left out.
    """
    left = {name: clusters[name] for name in sorted(environment)}
    result: list[Wave] = []
    for spec in declared:
        selected = members(spec.clusters, left)
        if selected:
            result.append(Wave(spec.name, len(result), selected, spec.max_concurrent))
        for name in selected:
            del left[name]
    if left:
        result.append(Wave(REST if declared else ALL, len(result), tuple(left)))
    return tuple(result)
