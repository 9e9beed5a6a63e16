"""The loaded fleet: everything that one commit (or one work tree) declares, cross-checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fleet.model.declared import AppSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.names import Target
from fleet.model.release import Pin


@dataclass(frozen=True)
class Wave:
    """A wave with its clusters resolved. Position 0 rolls out first."""

    name: str
    position: int
    clusters: tuple[str, ...]
    max_concurrent: int | None = None


@dataclass(frozen=True)
class Environment:
    """An environment with its clusters and waves resolved.

    Every cluster is in exactly one wave: those that no declared wave selects form a last one, `rest`; in an
    environment that declares none, all clusters form one, `all`.
    """

    name: str
    spec: EnvironmentSpec
    clusters: tuple[str, ...]
    waves: tuple[Wave, ...]
    pins: Mapping[str, Pin]
    """Pin of each app that runs here, by app name."""

    def wave_of(self, cluster: str) -> Wave:
        """Return the wave of a cluster of this environment."""
        return next(wave for wave in self.waves if cluster in wave.clusters)


@dataclass(frozen=True)
class Fleet:
    """The aggregate. Environments are in pipeline order, sources before the environments they feed."""

    file: FleetFile
    environments: Mapping[str, Environment]
    clusters: Mapping[str, ClusterSpec]
    apps: Mapping[str, AppSpec]
    """Apps as declared at this revision. What a target renders is read at its pinned revision instead."""
    revision: str | None = None
    """Commit that this fleet was loaded from; none for a work tree."""
    origin: str = ""
    """Where it was loaded from, for people: `origin/main at 4f1c2e0` or a path."""
    calendars: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Content of the calendars that windows of policies name, by path."""

    @property
    def name(self) -> str:
        """Name of the fleet."""
        return self.file.name

    @cached_property
    def environment_of_cluster(self) -> Mapping[str, str]:
        """Name of the one environment of each cluster."""
        return {cluster: env.name for env in self.environments.values() for cluster in env.clusters}

    def targets(self) -> Iterator[Target]:
        """Yield every target in pipeline, wave, cluster and app order."""
        for environment in self.environments.values():
            for wave in environment.waves:
                for cluster in wave.clusters:
                    for app in environment.pins:
                        yield Target(app, environment.name, cluster)

    def next_environments(self, name: str) -> tuple[str, ...]:
        """Return the environments that promote from `name`."""
        return tuple(e.name for e in self.environments.values() if e.spec.promotes_from == name)
