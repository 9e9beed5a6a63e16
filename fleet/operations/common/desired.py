"""Desired state: what git says about each target, rendered.

An app is read at the revision that its release pins, values come from there and from the fleet. Everything that targets
can share they share: files and `app.yaml` by tree, values where the cluster sets none, objects by the content of the
render. What differs from cluster to cluster are the labels, and those are put on when somebody looks
(:class:`fleet.engine.objects.OwnedObjects`). So ten thousand targets take seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fleet.engine.migrations import migrations_of
from fleet.engine.objects import OwnedObjects, digests_of, in_apply_order, ownership, target_digest
from fleet.engine.values import expand, merge
from fleet.errors import Location, Problem
from fleet.model.declared import AppSpec, ClusterSpec
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.release import Pin, Release
from fleet.model.state import DesiredState, Migration
from fleet.operations.common.sources import App, AppError, PinnedApps, PresentApps
from fleet.ports.config import FleetLoader
from fleet.ports.renderer import Renderer, RenderRequest
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import Tree

RELEASE_VALUES = "FLT-RND-053"

Pins = Mapping[tuple[str, str], Pin]
"""Pins by environment and app."""


@dataclass(frozen=True)
class DesiredTargets:
    """Desired state of each target, or the problems that keep it from being known.

    A target whose app has no release yet is in neither.
    """

    states: Mapping[Target, DesiredState]
    problems: Mapping[Target, tuple[Problem, ...]]


def desired_states(
    fleet: Fleet,
    targets: Iterable[Target],
    *,
    tree: Tree,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    pins: Pins | None = None,
) -> DesiredTargets:
    """Return the desired state of targets, each app read at its pinned revision.

    Args:
        fleet: the fleet, as loaded.
        targets: which targets.
        tree: what the fleet was loaded from.
        repository: where pinned revisions are read.
        loader: reads `app.yaml`.
        renderer: renders.
        pins: pins that stand in for those of the fleet: what a promotion would write.
    """
    del tree  # part of the contract; the fleet holds all that is needed of it
    return _Assembly(fleet, PinnedApps(fleet, repository, loader), renderer, pins or {}).states(targets)


def render_work_tree(
    fleet: Fleet,
    targets: Iterable[Target],
    *,
    tree: Tree,
    loader: FleetLoader,
    renderer: Renderer,
    pins: Pins | None = None,
) -> DesiredTargets:
    """Return what targets would be if each app were released as it stands in ``tree``: what a person edits right now.

    An app without a release counts as one with the version `0.0.0-worktree`.
    """
    return _Assembly(fleet, PresentApps(tree, loader), renderer, pins or {}).states(targets)


def release_of(
    fleet: Fleet,
    environment: str,
    app: str,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    pins: Pins | None = None,
) -> Release | None:
    """Return the release that an environment runs of an app; None if nothing was released there.

    In an environment that follows a branch, an app without a pinned release runs as the branch has it.

    Raises:
        FleetError: the branch, the commit or the app is not there.
    """
    pin = _pin(fleet, environment, app, pins or {})
    return PinnedApps(fleet, repository, loader).release(environment, app, pin)


@dataclass(frozen=True)
class _Rendered:
    """One set of rendered objects in the order of application, and its digests."""

    objects: tuple[Manifest, ...]
    digests: tuple[str, ...]
    digest: str
    migrations: tuple[Migration, ...] = ()


@dataclass
class _Part:
    """What the targets of one app in one environment share."""

    app: App
    release: Release
    values: tuple[Mapping[str, Any], ...]
    """Layers below and above the cluster's: (app, environment), (pin, release)."""
    context: dict[str, Any]
    by_cluster: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    plain: Mapping[str, Any] | None = None
    """Merged values for all clusters that set none."""

    def values_on(self, cluster: str, spec: ClusterSpec) -> Mapping[str, Any]:
        """Return the values on a cluster; the same object wherever they are the same."""
        app, environment, pin, release = self.values
        if not spec.values:
            if self.plain is None:
                self.plain = merge(app, environment, pin, release)
            return self.plain
        if cluster not in self.by_cluster:
            self.by_cluster[cluster] = merge(app, environment, spec.values, pin, release)
        return self.by_cluster[cluster]


class _Assembly:
    """Puts desired states together."""

    def __init__(self, fleet: Fleet, apps: PinnedApps | PresentApps, renderer: Renderer, pins: Pins) -> None:
        self._fleet = fleet
        self._apps = apps
        self._renderer = renderer
        self._pins = pins
        self._parts: dict[tuple[str, str], _Part | tuple[Problem, ...] | None] = {}
        self._clusters: dict[str, dict[str, Any]] = {}
        self._settings: dict[str, str] = {}

    def states(self, targets: Iterable[Target]) -> DesiredTargets:
        """Return the desired state of targets."""
        problems: dict[Target, tuple[Problem, ...]] = {}
        wanted: list[tuple[Target, Release]] = []
        requests: list[RenderRequest] = []
        apps: dict[tuple[str, str], App] = {}
        for target in targets:
            part = self._part(target)
            if isinstance(part, tuple):
                problems[target] = part
            elif part is not None:
                wanted.append((target, part.release))
                apps[target.environment, target.app] = part.app
                requests.append(self._request(target, part))
        results = self._renderer.render(requests)
        rendered: dict[tuple[int, int], _Rendered | tuple[Problem, ...]] = {}
        states: dict[Target, DesiredState] = {}
        for (target, release), result in zip(wanted, results, strict=True):
            if result.problems:
                problems[target] = result.problems
                continue
            app = apps[target.environment, target.app]
            key = (id(result.objects), id(app) if app.spec.migrations else 0)  # alive as long as the results
            if key not in rendered:
                rendered[key] = _digested(result.objects, target.app, app.spec)
            found = rendered[key]
            if isinstance(found, _Rendered):
                states[target] = self._state(target, release, found)
            else:
                problems[target] = found
        return DesiredTargets(states, problems)

    def _part(self, target: Target) -> _Part | tuple[Problem, ...] | None:
        key = (target.environment, target.app)
        if key not in self._parts:
            try:
                self._parts[key] = self._make_part(target.environment, target.app)
            except AppError as error:
                self._parts[key] = error.problems
        return self._parts[key]

    def _make_part(self, environment: str, app: str) -> _Part | None:
        pin = _pin(self._fleet, environment, app, self._pins)
        release = self._apps.release(environment, app, pin)
        if release is None or pin is None:
            return None
        found = self._apps.app(app, release.revision)
        spec = self._fleet.environments[environment].spec
        layers = (found.spec.values, spec.values, pin.values, _release_values(release, environment, app))
        context = {
            "app": app,
            "namespace": found.spec.namespace,
            "release": {"version": release.version, "revision": release.revision},
            "environment": {"name": environment, "description": spec.description},
            "images": {**found.spec.images, **release.images},
        }
        return _Part(found, release, layers, context)

    def _request(self, target: Target, part: _Part) -> RenderRequest:
        name = target.cluster
        spec = self._fleet.clusters[name]
        if name not in self._clusters:
            self._clusters[name] = {"name": name, "labels": dict(spec.labels)}
        return RenderRequest(
            app=target.app,
            source=part.app.spec.source,
            files=part.app.files,
            context={**part.context, "cluster": self._clusters[name], "values": part.values_on(name, spec)},
            namespace=part.app.spec.namespace,
            cluster_scoped=part.app.spec.cluster_scoped,
        )

    def _state(self, target: Target, release: Release, rendered: _Rendered) -> DesiredState:
        labels = ownership(self._fleet.name, target)
        digest = target_digest(rendered.digest, self._fleet.name, target, self._engine_settings(target.cluster))
        objects = OwnedObjects(rendered.objects, rendered.digests, labels)
        return DesiredState(target, release, objects, digest, rendered.migrations)

    def _engine_settings(self, cluster: str) -> str:
        """Return what calls for a new apply when it changes: the provider, and which API server the cluster is."""
        if cluster not in self._settings:
            access = self._fleet.clusters[cluster].access.model_dump_json(exclude={"exec_allowed"})
            self._settings[cluster] = f"{self._fleet.file.engine.provider} {access}"
        return self._settings[cluster]


def _pin(fleet: Fleet, environment: str, app: str, pins: Pins) -> Pin | None:
    return pins.get((environment, app)) or fleet.environments[environment].pins.get(app)


def _release_values(release: Release, environment: str, app: str) -> dict[str, Any]:
    try:
        return expand(release.values)
    except ValueError as error:
        path = f"environments/{environment}/apps/{app}.yaml"
        raise AppError(Problem(RELEASE_VALUES, f"in `release.values`: {error}", Location(path))) from error


def _digested(objects: Sequence[Manifest], app: str, spec: AppSpec) -> _Rendered | tuple[Problem, ...]:
    """Return rendered objects with their digests, the Jobs of migrations apart; or what is wrong with those."""
    if not spec.migrations:
        return _plain(in_apply_order(objects))
    migrations, problems = migrations_of(objects, app, spec)
    if problems:
        return problems
    jobs = {id(migration.job) for migration in migrations}
    rest = _plain(in_apply_order(manifest for manifest in objects if id(manifest) not in jobs))
    return replace(rest, digest=digests_of(objects)[1], migrations=migrations)


def _plain(ordered: tuple[Manifest, ...]) -> _Rendered:
    return _Rendered(ordered, *digests_of(ordered))
