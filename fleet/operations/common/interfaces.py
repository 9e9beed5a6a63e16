"""What releases declare to each other: `app.yaml` of each app of an environment, at the revision that is pinned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleet.engine.compatibility import interfaces
from fleet.errors import FleetError
from fleet.model.declared import AppSpec
from fleet.model.fleet import Fleet
from fleet.model.promotion import HistoryEntry
from fleet.model.release import Release
from fleet.operations.common.desired import release_of
from fleet.ports.config import FleetLoader
from fleet.ports.repository import RepositoryReader

PAST = 50
"""How many earlier releases of an environment are asked for the schemas that they brought."""

Key = tuple[str, str]
"""Environment and app."""


@dataclass(frozen=True)
class Declarations:
    """What is known of the releases that a promotion meets."""

    specs: Mapping[Key, AppSpec] = field(default_factory=dict)
    before: AppSpec | None = None
    past: Mapping[str, AppSpec] = field(default_factory=dict)
    """By revision."""
    unread: Mapping[Key, str] = field(default_factory=dict)


class SpecReader:
    """Reads `app.yaml` at revisions; each once."""

    def __init__(self, fleet: Fleet, repository: RepositoryReader, loader: FleetLoader) -> None:
        self._fleet = fleet
        self._repository = repository
        self._loader = loader
        self._known: dict[Key, AppSpec | str] = {}
        self._pinned: dict[Key, AppSpec | str | None] = {}

    def at(self, app: str, revision: str) -> AppSpec | str:
        """Return the `app.yaml` of an app at a revision, or why it cannot be read."""
        key = (app, revision)
        if key not in self._known:
            try:
                self._known[key] = self._loader.load_app(self._repository.tree(revision), app)
            except FleetError as error:
                self._known[key] = error.message
        return self._known[key]

    def pinned(self, environment: str, app: str) -> AppSpec | str | None:
        """Return the `app.yaml` of what is pinned in an environment, or why it cannot be read; None: nothing is."""
        key = (environment, app)
        if key not in self._pinned:
            try:
                release = release_of(self._fleet, environment, app, repository=self._repository, loader=self._loader)
                self._pinned[key] = None if release is None else self.at(app, release.revision)
            except FleetError as error:
                self._pinned[key] = error.message
        return self._pinned[key]


def declarations(
    fleet: Fleet,
    reader: SpecReader,
    app: str,
    environments: Sequence[str],
    *,
    before: Release | None,
    after: Release,
    history: Iterable[HistoryEntry] = (),
    moving: Mapping[str, Release] | None = None,
) -> Declarations:
    """Return what the releases declare that a promotion meets.

    In a fleet whose newest `app.yaml` files declare nothing that has to fit, the releases of other apps are not read.

    Args:
        fleet: the fleet.
        reader: reads what releases declare.
        app: the app that is promoted.
        environments: where it goes, and after that, where it comes from.
        before: the release that is there.
        after: the release that is promoted.
        history: changes of its pins.
        moving: other apps that go to the same environment in the same change, with their releases.
    """
    to = environments[0]
    specs: dict[Key, AppSpec] = {}
    unread: dict[Key, str] = {}
    _keep((to, app), reader.at(app, after.revision), specs, unread)
    old = reader.at(app, before.revision) if before is not None else None
    known = [spec for spec in (*specs.values(), old) if isinstance(spec, AppSpec)]
    if not any(interfaces(spec) for spec in (*fleet.apps.values(), *known)):
        return Declarations(specs, old if isinstance(old, AppSpec) else None)
    for environment in environments:
        for other in fleet.environments[environment].pins:
            if (environment, other) != (to, app):
                _keep((environment, other), reader.pinned(environment, other), specs, unread)
    for other, release in (moving or {}).items():
        if other != app:
            unread.pop((to, other), None)
            _keep((to, other), reader.at(other, release.revision), specs, unread)
    past = _past(reader, app, to, history) if any(spec.provides.schemas for spec in known) else {}
    return Declarations(specs, old if isinstance(old, AppSpec) else None, past, unread)


def _keep(key: Key, found: AppSpec | str | None, specs: dict[Key, AppSpec], unread: dict[Key, str]) -> None:
    if isinstance(found, AppSpec):
        specs[key] = found
    elif found is not None:
        unread[key] = found


def _past(reader: SpecReader, app: str, environment: str, history: Iterable[HistoryEntry]) -> dict[str, AppSpec]:
    """Return what earlier releases of an environment declared. One that is not in this clone any more says nothing."""
    releases = [entry.after for entry in history if entry.environment == environment and entry.after is not None]
    revisions = list(dict.fromkeys(release.revision for release in releases))[:PAST]
    found = {revision: reader.at(app, revision) for revision in revisions}
    return {revision: spec for revision, spec in found.items() if isinstance(spec, AppSpec)}
