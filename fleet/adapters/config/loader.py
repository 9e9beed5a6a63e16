"""Loads the fleet model from a tree: find the files, parse them strictly, validate each, check them as a whole."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from fleet.adapters.config import checks, codes, contracts, interfaces, layout, wording
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.document import SIZE_LIMIT, Document, parse
from fleet.engine import pipeline
from fleet.engine.values import expand, join
from fleet.errors import ConfigError, Location, Problem
from fleet.model.declared import AppSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.fleet import Environment, Fleet
from fleet.model.provenance import ValueLayer
from fleet.model.release import Pin
from fleet.ports.config import LoadedFleet
from fleet.ports.tree import Tree

Model = TypeVar("Model", bound=BaseModel)


def read_fleet_file(root: Path) -> FleetFile | None:
    """Return `fleet.yaml` of a directory; None if it is missing or wrong (loading the fleet says how)."""
    path = root / layout.FLEET_PATH
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > SIZE_LIMIT:
            return None
        document, problems = parse(layout.FLEET_PATH, path.read_bytes())
    except OSError:
        return None
    if document is None or problems:
        return None
    return wording.validate(FleetFile, document)[0]


class YamlFleetLoader:
    """Implements :class:`fleet.ports.config.FleetLoader`.

    Parsed documents are kept per tree, so that the layers of thousands of targets cost one read of each file. A work
    tree is taken as it was when it was first read: make a new loader to see later changes.
    """

    def __init__(self) -> None:
        self._caches: dict[object, _Cache] = {}

    def load(self, tree: Tree) -> LoadedFleet:
        """Load and cross-check a whole fleet."""
        found = layout.scan(tree)
        if found.fleet is None:
            if not any(p.location == Location(layout.FLEET_PATH) for p in found.problems):
                found.problems.append(_no_fleet(tree))
            return LoadedFleet(None, tuple(sorted(found.problems, key=_place)))
        cache = self._cache(tree)
        cache.read(found.paths())
        declared = Declared(
            fleet=cache.parsed(FleetFile, found.fleet),
            environments={name: cache.parsed(EnvironmentSpec, path) for name, path in found.environments.items()},
            pins={key: cache.parsed(Pin, path) for key, path in found.pins.items()},
            clusters={name: cache.parsed(ClusterSpec, path) for name, path in found.clusters.items()},
            apps={name: cache.parsed(AppSpec, path) for name, path in found.apps.items()},
            templates=found.templates,
            programs=found.programs,
        )
        calendars, faults = _calendars(tree, declared)
        problems = [
            *found.problems,
            *(problem for parsed in declared.files() for problem in parsed.problems),
            *checks.check(declared),
            *contracts.check(declared),
            *interfaces.check(declared),
            *_discoveries(declared),
            *faults,
            *_gates(declared),
        ]
        return LoadedFleet(_build(tree, declared, calendars), tuple(sorted(problems, key=_place)))

    def load_app(self, tree: Tree, app: str) -> AppSpec:
        """Load one `app.yaml`, for an app at its pinned revision.

        Raises:
            ConfigError: the file is missing or wrong.
        """
        path = layout.app_path(app)
        cache = self._cache(tree)
        cache.read([path])
        parsed = cache.parsed(AppSpec, path)
        if parsed.model is not None:
            return parsed.model
        if not parsed.problems:
            raise ConfigError(f"`{path}` is not there in {tree.origin}", code=codes.MISSING_FILE)
        raise ConfigError(f"`{path}` in {tree.origin} cannot be read", problems=parsed.problems)

    def layers(self, tree: Tree, app_tree: Tree, app: str, environment: str, cluster: str) -> tuple[ValueLayer, ...]:
        """Return the value layers of a target with the place of each value, least precedence first."""
        pin = layout.pin_path(environment, app)
        here, there = self._cache(tree), self._cache(app_tree)
        return (
            there.layer(f"app {app}", layout.app_path(app), ("values",)),
            here.layer(f"environment {environment}", layout.environment_path(environment), ("values",)),
            here.layer(f"cluster {cluster}", layout.cluster_path(cluster), ("values",)),
            here.layer(f"pin {environment}/{app}", pin, ("values",)),
            here.layer(f"release {environment}/{app}", pin, ("release", "values")),
        )

    def locate(self, tree: Tree, path: str, *keys: str | int) -> Location:
        """Return the place of a key in a declared file, or of the nearest enclosing one."""
        cache = self._cache(tree)
        cache.read([path])
        document = cache.documents[path][0]
        return document.at(keys) if document else Location(path)

    def _cache(self, tree: Tree) -> _Cache:
        key: object = tree.revision or id(tree)
        if key not in self._caches:
            self._caches[key] = _Cache(tree)
        return self._caches[key]


@dataclass
class _Cache:
    """Parsed files of one tree. Holds the tree, so that its id stays taken."""

    tree: Tree
    documents: dict[str, tuple[Document | None, tuple[Problem, ...]]] = field(default_factory=dict)
    models: dict[str, Parsed[Any]] = field(default_factory=dict)
    layers: dict[tuple[str, tuple[str, ...]], ValueLayer] = field(default_factory=dict)

    def read(self, paths: Iterator[str] | list[str]) -> None:
        """Read and parse files that are not yet known; a file that is not there gives no document."""
        wanted = [path for path in paths if path not in self.documents]
        plain = wanted if len(wanted) > 1 else [p for p in wanted if self._declared_file(p)]
        contents = self.tree.read_many(plain) if plain else {}
        for path in wanted:
            self.documents[path] = parse(path, contents[path]) if path in contents else (None, ())

    def _declared_file(self, path: str) -> bool:
        return any(e.path == path and e.kind == "file" and e.size <= SIZE_LIMIT for e in self.tree.entries(path))

    def parsed(self, model: type[Model], path: str) -> Parsed[Model]:
        """Return the model of a file with what is wrong with it."""
        if path not in self.models:
            document, problems = self.documents[path]
            if document is None:
                self.models[path] = Parsed(path, None, None, problems)
            else:
                instance, more = wording.validate(model, document)
                partial = wording.salvage(model, document) if more else None
                self.models[path] = Parsed(path, document, instance, (*problems, *more), partial)
        return self.models[path]

    def layer(self, source: str, path: str, keys: tuple[str, ...]) -> ValueLayer:
        """Return the values under some keys of a file as a layer; without values where they are not there."""
        found = self.layers.get((path, keys))
        if found is None:
            self.read([path])
            document = self.documents[path][0]
            found = _layer(source, path, keys, document)
            self.layers[path, keys] = found
        return found


def _layer(source: str, path: str, keys: tuple[str, ...], document: Document | None) -> ValueLayer:
    values: Any = document.data if document else {}
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    if document is None or not isinstance(values, dict) or not values:
        return ValueLayer(source, path, {}, {})
    if keys[0] == "release":
        try:
            nested = expand(values)
        except ValueError as error:
            raise ConfigError(str(error), code=codes.OVERLAPPING_PATHS, location=document.at(keys)) from error
        return ValueLayer(source, path, nested, _ReleaseLocations(document, values, keys))
    return ValueLayer(source, path, values, _Locations(document, values, keys))


class _Locations(Mapping[str, Location]):
    """Places of dotted paths, collected when first asked for: most commands never do."""

    def __init__(self, document: Document, values: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        self._document = document
        self._values = values
        self._keys = keys
        self._places: dict[str, Location] | None = None

    def _collect(self) -> dict[str, Location]:
        places: dict[str, Location] = {}
        waiting: list[tuple[tuple[str, ...], Any]] = [((), self._values)]
        while waiting:
            steps, value = waiting.pop()
            if steps:
                places[join(steps)] = self._document.at((*self._keys, *steps))
            if isinstance(value, dict):
                waiting.extend(((*steps, key), inner) for key, inner in value.items())
        return places

    def _all(self) -> dict[str, Location]:
        if self._places is None:
            self._places = self._collect()
        return self._places

    def __getitem__(self, path: str) -> Location:
        return self._all()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class _ReleaseLocations(_Locations):
    """Places of the values of a release: the keys are dotted paths themselves."""

    def _collect(self) -> dict[str, Location]:
        places: dict[str, Location] = {}
        for path, value in self._values.items():
            here = self._document.at((*self._keys, path))
            places[path] = here
            waiting = [(path, value)]
            while waiting:
                parent, inner = waiting.pop()
                for key, child in inner.items() if isinstance(inner, dict) else ():
                    name = f"{parent}.{join((key,))}"
                    places[name] = here
                    waiting.append((name, child))
        return places


def _calendars(tree: Tree, declared: Declared) -> tuple[dict[str, str], list[Problem]]:
    """Return the calendars of windows, and what is wrong with both. Few fleets have windows: most need no module."""
    if not any(e.known is not None and e.known.policy.windows for e in declared.environments.values()):
        return {}, []
    from fleet.adapters.config import windows

    calendars, faults = windows.read_calendars(tree, declared)
    return calendars, [*faults, *windows.check(declared, calendars)]


def _discoveries(declared: Declared) -> Iterable[Problem]:
    """Return what is wrong with rules of discovery, and with hosts that may be asked; as with windows."""
    file = declared.fleet.known
    rules = any(app.known is not None and app.known.discover is not None for app in declared.apps.values())
    if not rules and not (file is not None and file.allowed_hosts):
        return ()
    from fleet.adapters.config import discovering

    return discovering.check(declared)


def _gates(declared: Declared) -> Iterator[Problem]:
    """Yield the problems of gates of one's own; a fleet without any does not even import what checks them."""
    if any(e.known is not None and e.known.policy.gates for e in declared.environments.values()):
        from fleet.adapters.config import gates

        yield from gates.check(declared)


def _no_fleet(tree: Tree) -> Problem:
    return Problem(
        codes.NO_FLEET,
        f"there is no `fleet.yaml` in {tree.origin}",
        Location(layout.FLEET_PATH),
        "write a new fleet with `fleet init`, or name the directory of one with `-C PATH`",
    )


def _build(tree: Tree, declared: Declared, calendars: Mapping[str, str]) -> Fleet | None:
    """Build the fleet from all parts that are valid."""
    if declared.fleet.model is None:
        return None
    clusters = {name: p.model for name, p in sorted(declared.clusters.items()) if p.model is not None}
    apps = {name: p.model for name, p in sorted(declared.apps.items()) if p.model is not None}
    specs = {name: p.model for name, p in declared.environments.items() if p.model is not None}
    free = {name: spec.labels for name, spec in clusters.items()}
    environments: dict[str, Environment] = {}
    for name in pipeline.order({name: spec.promotes_from for name, spec in specs.items()}):
        spec = specs[name]
        selected = pipeline.members(spec.clusters, free)
        waves = pipeline.waves(spec.waves, selected, free)
        pins = {
            app: parsed.model if spec.track is None else Pin(values=parsed.model.values)
            for (environment, app), parsed in sorted(declared.pins.items())
            if environment == name and parsed.model is not None and app in apps
        }
        free = {cluster: labels for cluster, labels in free.items() if cluster not in selected}
        environments[name] = Environment(name, spec, selected, waves, pins)
    return Fleet(declared.fleet.model, environments, clusters, apps, tree.revision, tree.origin, calendars)


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    at = problem.location or Location("")
    return (at.path, at.line or 0, at.column or 0, problem.code, problem.message)


__all__ = ["YamlFleetLoader", "read_fleet_file"]
