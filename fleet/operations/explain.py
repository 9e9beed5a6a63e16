"""Tells where each value, image and the release of a target come from."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import Any

from fleet.engine.lineage import changes_of_value, value_in
from fleet.engine.redact import mask_setting
from fleet.engine.values import covers, origins
from fleet.errors import Location, UsageError
from fleet.model.base import Report
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.promotion import PromotionKind
from fleet.model.provenance import ValueOrigin
from fleet.model.release import Pin, Release
from fleet.operations.common.history import pin_history
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import Tree


class ImageOrigin(Report):
    """One image of a target."""

    name: str
    reference: str
    source: str
    location: Location | None = None
    hidden: str | None = None
    """The default of `app.yaml` that the release replaces."""


class ValueChange(Report):
    """One change of a value that comes with releases."""

    path: str
    value: Any
    """None: it was taken out."""
    commit: str
    time: datetime
    kind: PromotionKind
    version: str
    author: str


class Explanation(Report):
    """Everything that a target is rendered from, with its origin."""

    target: Target
    release: Release | None
    release_source: str
    """Why it is this release: `pinned`, `follows branch main`, `not released yet: as it stands in …`."""
    release_location: Location | None = None
    images: tuple[ImageOrigin, ...] = ()
    values: tuple[ValueOrigin, ...] = ()
    promotable: tuple[str, ...] = ()
    """Dotted paths that move with releases; every other value belongs to where it is set."""
    changes: tuple[ValueChange, ...] = ()
    """Changes of the promotable value that was asked for in this environment, newest first."""


def explain(
    fleet: Fleet,
    tree: Tree,
    target: Target,
    path: str | None = None,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    pin_editor: PinEditor,
) -> Explanation:
    """Return the origins of a target's values, or of those at and below a dotted path.

    Raises:
        UsageError: there is no such target or value.
        ConfigError: the app's file at the pinned revision cannot be read.
        GitError: the pinned revision is not in this clone.
    """
    _check_target(fleet, target)
    pin = fleet.environments[target.environment].pins[target.app]
    pin_file = f"environments/{target.environment}/apps/{target.app}.yaml"
    app_tree, source = _app_tree(fleet, tree, target, pin, repository)
    layers = loader.layers(tree, app_tree, target.app, target.environment, target.cluster)
    images = _images(tree, app_tree, target, pin, pin_file, loader)
    values = origins(layers)
    promotable = loader.load_app(app_tree, target.app).promotable
    changes: tuple[ValueChange, ...] = ()
    if path is not None:
        images, values = _narrowed(path, images, values, target)
        if covers(promotable, path):
            changes = _changes(fleet, target, path, repository, pin_editor)
    return Explanation(
        promotable=promotable,
        changes=changes,
        target=target,
        release=pin.release,
        release_source=source,
        release_location=loader.locate(tree, pin_file, "release") if pin.release else Location(pin_file),
        images=images,
        values=values,
    )


def _changes(
    fleet: Fleet, target: Target, path: str, repository: RepositoryReader, pin_editor: PinEditor
) -> tuple[ValueChange, ...]:
    head = fleet.revision or repository.head_of(fleet.file.git.branch)
    if head is None:
        return ()
    environment = target.environment
    entries = tuple(
        pin_history(head, repository=repository, pin_editor=pin_editor, environment=environment, app=target.app)
    )
    return tuple(
        ValueChange(
            path=path,
            value=mask_setting(path, value_in(entry.after, path)[1]),
            commit=entry.commit,
            time=entry.time,
            kind=entry.kind,
            version=entry.after.version if entry.after else "",
            author=entry.author,
        )
        for entry in changes_of_value(entries, environment, path)
    )


def choose_target(fleet: Fleet, app: str, environment: str, cluster: str) -> Target:
    """Return the target that is meant; an environment or cluster that can only be one need not be named.

    Raises:
        UsageError: it could be several.
    """
    if not environment and cluster:
        if cluster not in fleet.environment_of_cluster:
            raise _unknown("cluster", cluster, sorted(fleet.environment_of_cluster))
        environment = fleet.environment_of_cluster[cluster]
    elif not environment:
        environment = _only("-e", [*fleet.environments])
    if environment in fleet.environments and app not in fleet.environments[environment].pins:
        raise _no_app(fleet, app, environment)
    if not cluster and environment in fleet.environments:
        cluster = _only("-c", list(fleet.environments[environment].clusters))
    return Target(app, environment, cluster)


def _only(flag: str, known: list[str]) -> str:
    if len(known) != 1:
        choice = ", ".join(f"`{flag} {name}`" for name in known) or "nothing: none is declared"
        raise UsageError(f"`{flag}` is missing", code="FLT-USE-014", hints=(f"add one of {choice}",))
    return known[0]


def _check_target(fleet: Fleet, target: Target) -> None:
    environment = fleet.environments.get(target.environment)
    if environment is None:
        raise _unknown("environment", target.environment, list(fleet.environments))
    if target.app not in environment.pins:
        raise _no_app(fleet, target.app, target.environment)
    if target.cluster not in environment.clusters:
        where = f" in `{target.environment}`" if target.cluster in fleet.clusters else ""
        raise _unknown("cluster", target.cluster, list(environment.clusters), where)


def _no_app(fleet: Fleet, app: str, environment: str) -> UsageError:
    where = f" in `{environment}`" if app in fleet.apps else ""
    return _unknown("app", app, list(fleet.environments[environment].pins), where)


def _unknown(what: str, name: str, known: list[str], where: str = "") -> UsageError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        hint = f"did you mean `{close[0]}`?"
    else:
        hint = f"there is {', '.join(f'`{k}`' for k in known)}" if known else "there is none"
    return UsageError(f"there is no {what} `{name}`{where}", code="FLT-USE-010", hints=(hint,))


def _app_tree(fleet: Fleet, tree: Tree, target: Target, pin: Pin, repository: RepositoryReader) -> tuple[Tree, str]:
    if pin.release is not None:
        return repository.tree(pin.release.revision), "pinned"
    track = fleet.environments[target.environment].spec.track
    head = repository.head_of(track) if track is not None else None
    if head is not None:
        return repository.tree(head), f"follows branch `{track}`, now at {head[:7]}"
    return tree, f"not released yet: shown as it stands in {tree.origin}"


def _images(
    tree: Tree, app_tree: Tree, target: Target, pin: Pin, pin_file: str, loader: FleetLoader
) -> tuple[ImageOrigin, ...]:
    app_file = f"apps/{target.app}/app.yaml"
    defaults = loader.load_app(app_tree, target.app).images
    released = pin.release.images if pin.release else {}
    found = []
    for name in sorted({*defaults, *released}):
        if name in released:
            origin = ImageOrigin(
                name=name,
                reference=released[name],
                source=f"release {target.environment}/{target.app}",
                location=loader.locate(tree, pin_file, "release", "images", name),
                hidden=defaults.get(name),
            )
        else:
            location = loader.locate(app_tree, app_file, "images", name)
            origin = ImageOrigin(name=name, reference=defaults[name], source=f"app {target.app}", location=location)
        found.append(origin)
    return tuple(found)


def _narrowed(
    path: str, images: tuple[ImageOrigin, ...], values: tuple[ValueOrigin, ...], target: Target
) -> tuple[tuple[ImageOrigin, ...], tuple[ValueOrigin, ...]]:
    try:
        chosen_values = tuple(value for value in values if covers((path,), value.path))
    except ValueError as error:
        raise UsageError(str(error)) from error
    chosen_images = tuple(image for image in images if path in ("images", f"images.{image.name}"))
    if not chosen_values and not chosen_images:
        known = [*(value.path for value in values), *(f"images.{image.name}" for image in images)]
        close = difflib.get_close_matches(path, known, n=1, cutoff=0.5)
        hint = f"did you mean `{close[0]}`?" if close else "leave the path out to see all"
        raise UsageError(f"no layer of {target} sets `{path}`", code="FLT-USE-013", hints=(hint,))
    return chosen_images, chosen_values
