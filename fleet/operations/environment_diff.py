"""Compares two environments: releases, values with their origin, and rendered objects.

What a promotion would carry is not guessed from where a value is written. The second environment is computed once more
with the release of the first; what becomes equal is carried, what stays as it is belongs to the environment.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleet.engine.compare import compare
from fleet.engine.values import expand, origins
from fleet.engine.values import join as dotted
from fleet.errors import ConfigError, FleetError, Location, Problem, UsageError
from fleet.model.change import ChangeSet
from fleet.model.comparison import (
    Carried,
    EnvironmentComparison,
    ObjectsDifference,
    ReleaseDifference,
    ValueDifference,
)
from fleet.model.fleet import Environment, Fleet
from fleet.model.names import Target
from fleet.model.provenance import ValueLayer, ValueOrigin
from fleet.model.release import Pin, Release
from fleet.operations.common.desired import DesiredTargets, desired_states, release_of
from fleet.ports.config import FleetLoader
from fleet.ports.renderer import Renderer
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import Tree


def compare_environments(
    fleet: Fleet,
    tree: Tree,
    a: str,
    b: str,
    *,
    apps: Sequence[str] = (),
    rendered: bool = False,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
) -> EnvironmentComparison:
    """Return how environment ``b`` differs from ``a``. Only reads.

    Args:
        fleet: the fleet, as loaded.
        tree: what it was loaded from.
        a: the first environment, where a promotion would come from.
        b: the second one.
        apps: only these; empty for all.
        rendered: render and compare objects too.
        repository: where pinned revisions are read.
        loader: reads declared files.
        renderer: renders; not used unless ``rendered``.

    Raises:
        UsageError: there is no such environment or app.
    """
    first, second = _environment(fleet, a), _environment(fleet, b)
    if a == b:
        raise UsageError(f"environment `{a}` cannot differ from itself", hints=("name two environments",))
    chosen = _apps(first, second, apps)
    reader = _Reader(fleet, tree, repository, loader)
    releases = [reader.release_difference(first, second, app) for app in chosen]
    both = [r for r in releases if r.in_a and r.in_b]
    values = [difference for r in both for difference in reader.value_differences(first, second, r)]
    objects: tuple[ObjectsDifference, ...] | None = None
    if rendered:
        objects = tuple(_objects(reader, renderer, first, second, both))
    return EnvironmentComparison(
        a=a,
        b=b,
        revision=fleet.revision,
        releases=tuple(releases),
        values=tuple(values),
        objects=objects,
        promotes=second.spec.promotes_from == a,
        problems=tuple(dict.fromkeys(reader.problems)),
    )


def _environment(fleet: Fleet, name: str) -> Environment:
    if name in fleet.environments:
        return fleet.environments[name]
    close = difflib.get_close_matches(name, list(fleet.environments), n=1, cutoff=0.5)
    hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(f'`{e}`' for e in fleet.environments)}"
    raise UsageError(f"there is no environment `{name}`", hints=(hint,))


def _apps(first: Environment, second: Environment, wanted: Sequence[str]) -> list[str]:
    known = sorted({*first.pins, *second.pins})
    for app in wanted:
        if app not in known:
            close = difflib.get_close_matches(app, known, n=1, cutoff=0.5)
            hints = (f"did you mean `{close[0]}`?",) if close else ()
            raise UsageError(f"neither `{first.name}` nor `{second.name}` runs an app `{app}`", hints=hints)
    return [app for app in known if not wanted or app in wanted]


class _Reader:
    """Reads releases and values of both environments; collects what cannot be read."""

    def __init__(self, fleet: Fleet, tree: Tree, repository: RepositoryReader, loader: FleetLoader) -> None:
        self.fleet = fleet
        self.tree = tree
        self.repository = repository
        self.loader = loader
        self.problems: list[Problem] = []

    def release_difference(self, first: Environment, second: Environment, app: str) -> ReleaseDifference:
        """Return the releases of an app."""
        return ReleaseDifference(
            app=app,
            a=self._release(first, app),
            b=self._release(second, app),
            in_a=app in first.pins,
            in_b=app in second.pins,
        )

    def _release(self, environment: Environment, app: str) -> Release | None:
        try:
            return release_of(self.fleet, environment.name, app, repository=self.repository, loader=self.loader)
        except FleetError as error:
            self.note(error, Location(f"environments/{environment.name}/apps/{app}.yaml"))
            return None

    def value_differences(
        self, first: Environment, second: Environment, releases: ReleaseDifference
    ) -> list[ValueDifference]:
        """Return the values and images of an app that differ, and what a promotion would do about each."""
        if releases.a is None or releases.b is None or not first.clusters or not second.clusters:
            return []
        try:
            a = self._settings(first, releases.app, releases.a)
            b = self._settings(second, releases.app, releases.b)
            after = self._settings(second, releases.app, releases.a)
        except FleetError as error:
            self.note(error, Location(f"apps/{releases.app}/app.yaml"))
            return []
        return [
            ValueDifference(
                app=releases.app,
                path=path,
                a=a.get(path),
                b=b.get(path),
                carried=_carried(a.get(path), b.get(path), after.get(path)),
            )
            for path in sorted({*a, *b})
            if _value(a.get(path)) != _value(b.get(path))
        ]

    def _settings(self, environment: Environment, app: str, release: Release) -> dict[str, ValueOrigin]:
        """Return values and images by path, with origin, as an environment has them with a release.

        Values of clusters are those of the environment's first cluster, which stands for the others.
        """
        there = self.repository.tree(release.revision)
        layers = self.loader.layers(self.tree, there, app, environment.name, environment.clusters[0])
        own = environment.pins[app].release
        if own != release:
            *below, pinned = layers
            layers = (*below, ValueLayer(pinned.source, pinned.path, expand(release.values), {}))
        found = {origin.path: origin for origin in origins(layers)}
        spec = self.loader.load_app(there, app)
        pin, default = f"environments/{environment.name}/apps/{app}.yaml", f"apps/{app}/app.yaml"
        for name, reference in {**spec.images, **release.images}.items():
            key = f"images.{dotted((name,))}"
            if name in release.images:
                source = f"release {environment.name}/{app}"
                at = self.loader.locate(self.tree, pin, "release", "images", name)
            else:
                source = f"app {app}"
                at = self.loader.locate(there, default, "images", name)
            found[key] = ValueOrigin(path=key, value=reference, source=source, location=at)
        return found

    def note(self, error: FleetError, at: Location) -> None:
        """Keep an error as a problem; the rest is compared all the same."""
        if isinstance(error, ConfigError) and error.problems:
            self.problems += error.problems
        else:
            hint = error.hints[0] if error.hints else None
            self.problems.append(Problem(error.code, error.message, error.location or at, hint))


def _value(origin: ValueOrigin | None) -> Any:
    return None if origin is None else origin.value


def _carried(a: ValueOrigin | None, b: ValueOrigin | None, after: ValueOrigin | None) -> Carried:
    if _value(after) == _value(a):
        return Carried.YES
    return Carried.NO if _value(after) == _value(b) else Carried.PARTLY


def _objects(
    reader: _Reader, renderer: Renderer, first: Environment, second: Environment, releases: Iterable[ReleaseDifference]
) -> list[ObjectsDifference]:
    """Render each app on one cluster of each environment, and in the second one with the first one's release too."""
    apps = [r for r in releases if r.a is not None and r.b is not None and first.clusters and second.clusters]
    from_here = [Target(r.app, first.name, first.clusters[0]) for r in apps]
    to_there = [Target(r.app, second.name, second.clusters[0]) for r in apps]
    promoted = {(second.name, r.app): _promoted(second.pins[r.app], r.a) for r in apps}
    now = _render(reader, renderer, [*from_here, *to_there], {})
    after = _render(reader, renderer, to_there, promoted)
    result: list[ObjectsDifference] = []
    for here, there in zip(from_here, to_there, strict=True):
        states = now.states.get(here), now.states.get(there), after.states.get(there)
        if any(state is None for state in states):
            continue
        a, b, then = (state.objects if state else () for state in states)
        result.append(
            ObjectsDifference(
                app=here.app,
                cluster_a=here.cluster,
                cluster_b=there.cluster,
                carried=compare(b, then),
                stays=_without_risks(compare(then, a)),
            )
        )
    return result


def _without_risks(changes: ChangeSet) -> ChangeSet:
    """Return changes that nobody is going to make: they risk nothing."""
    return ChangeSet(objects=tuple(change.model_copy(update={"risks": ()}) for change in changes.objects))


def _promoted(pin: Pin, release: Release | None) -> Pin:
    return pin.model_copy(update={"release": release})


def _render(
    reader: _Reader, renderer: Renderer, targets: Sequence[Target], pins: Mapping[tuple[str, str], Pin]
) -> DesiredTargets:
    desired = desired_states(
        reader.fleet,
        targets,
        tree=reader.tree,
        repository=reader.repository,
        loader=reader.loader,
        renderer=renderer,
        pins=pins,
    )
    for problems in desired.problems.values():
        reader.problems += problems
    return desired
