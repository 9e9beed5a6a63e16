"""Cross-checks of apps and pins: what a release may carry, and what belongs to an environment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from fleet.adapters.config import codes
from fleet.adapters.config.checks import listed
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.wording import did_you_mean
from fleet.engine.contract import undeclared_images, undeclared_values
from fleet.engine.values import Steps, expand, join, leaves, lookup, split
from fleet.errors import Problem
from fleet.model.declared import AppSpec
from fleet.model.names import is_label
from fleet.model.release import Pin, Release

# https://pkg.go.dev/github.com/distribution/reference#pkg-overview, a little more generous
_IMAGE = re.compile(
    r"[a-z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[a-z0-9]+:[0-9a-f]{32,})?"
)
_IMAGE_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?")
_MISSING = object()


def check(declared: Declared) -> Iterator[Problem]:
    """Yield every problem of apps and pins that concerns more than the form of one file."""
    promotable: dict[str, tuple[Steps, ...]] = {}
    for name, app in sorted(declared.apps.items()):
        if app.known is not None:
            paths, problems = _promotable(app, app.known)
            promotable[name] = paths
            yield from problems
            yield from _app(name, app, app.known, declared)
    for (environment, name), pin in sorted(declared.pins.items()):
        yield from _pin(declared, environment, name, pin)
        if pin.known is not None:
            yield from _masked(pin, pin.known.values, {name: promotable.get(name, ())})
    yield from _masked_by_environments(declared, promotable)


def _promotable(app: Parsed[AppSpec], spec: AppSpec) -> tuple[tuple[Steps, ...], list[Problem]]:
    paths: list[Steps] = []
    problems: list[Problem] = []
    for index, text in enumerate(spec.promotable):
        where = app.at("promotable", index)
        try:
            steps = split(text)
        except ValueError as error:
            problems.append(Problem(codes.BAD_PROMOTABLE, str(error), where))
            continue
        overlap = next((other for other in paths if _overlap(other, steps)), None)
        if overlap is not None:
            reason = f"`{text}` and `{join(overlap)}` overlap" if overlap != steps else f"`{text}` is listed twice"
            problems.append(Problem(codes.OVERLAPPING_PATHS, reason, where))
        elif lookup(spec.values, text, _MISSING) is _MISSING:
            known = [join(steps) for steps, _ in leaves(spec.values)]
            hint = did_you_mean(text, known) or "give it a default under `values`"
            problems.append(
                Problem(codes.BAD_PROMOTABLE, f"`{text}` names no value of the app", where, hint, severity="warning")
            )
        paths.append(steps)
    return tuple(paths), problems


def _app(name: str, app: Parsed[AppSpec], spec: AppSpec, declared: Declared) -> Iterator[Problem]:
    if spec.source == "templates" and name not in declared.templates:
        hint = f"write one, like `apps/{name}/templates/deployment.yaml.j2`"
        yield Problem(codes.NOTHING_TO_RENDER, f"the app `{name}` has no template", app.at("source"), hint)
    if spec.source == "program" and name not in declared.programs:
        yield Problem(
            codes.NOTHING_TO_RENDER,
            f"the app `{name}` has no program",
            app.at("source"),
            f"write `apps/{name}/program.py`",
        )
    if spec.namespace is not None and not is_label(spec.namespace, 63):
        yield Problem(codes.BAD_NAMESPACE, f"`{spec.namespace}` is not a namespace name", app.at("namespace"))
    yield from _images(app, spec.images, ("images",))


def _images(file: Parsed[Any], images: Mapping[str, str], path: tuple[str, ...]) -> Iterator[Problem]:
    for image, reference in images.items():
        if not _IMAGE_NAME.fullmatch(image):
            yield Problem(codes.BAD_IMAGE, f"`{image}` is not an image name", file.at(*path, image))
        if len(reference) > 512 or not _IMAGE.fullmatch(reference):
            shown = reference if len(reference) <= 80 else reference[:79] + "…"
            yield Problem(codes.BAD_IMAGE, f"`{shown}` is not an image reference", file.at(*path, image))


def _pin(declared: Declared, environment: str, name: str, pin: Parsed[Pin]) -> Iterator[Problem]:
    app = declared.apps.get(name)
    if app is None:
        yield Problem(
            codes.UNKNOWN_APP,
            f"the app `{name}` is not declared",
            pin.at(),
            did_you_mean(name, declared.apps) or f"declare it in `apps/{name}/app.yaml`",
        )
    owner = declared.environments.get(environment)
    spec = pin.known
    if spec is None or spec.release is None:
        return
    if owner is not None and owner.known is not None and owner.known.track is not None:
        yield Problem(
            codes.TRACK_AND_RELEASE,
            f"`{environment}` follows the branch `{owner.known.track}`, so its pins hold no release",
            pin.at("release"),
            f"remove the `release:` block, or `track` from `{owner.path}`",
        )
    yield from _images(pin, spec.release.images, ("release", "images"))
    try:
        expand(spec.release.values)
    except ValueError as error:
        yield Problem(codes.OVERLAPPING_PATHS, str(error), pin.at("release", "values"))
        return
    if app is not None and app.model is not None:
        yield from _undeclared(name, pin, spec.release, app.model)


def _undeclared(name: str, pin: Parsed[Pin], release: Release, app: AppSpec) -> Iterator[Problem]:
    """Warn only: the pinned revision may declare what the newest `app.yaml` does not. `fleet validate` looks there."""
    for image in undeclared_images(release, app):
        yield Problem(
            codes.UNDECLARED_IMAGE,
            f"the release sets the image `{image}`, which `{name}` does not declare",
            pin.at("release", "images", image),
            did_you_mean(image, app.images),
            severity="warning",
        )
    for path in undeclared_values(release, app):
        yield Problem(
            codes.LEAK,
            f"the release carries `{path}`, which `{name}` does not declare promotable",
            pin.at("release", "values", path),
            did_you_mean(path, app.promotable) or "move it to `values:`, which a promotion never touches",
            severity="warning",
        )


def _masked_by_environments(declared: Declared, promotable: Mapping[str, tuple[Steps, ...]]) -> Iterator[Problem]:
    here: defaultdict[str, dict[str, tuple[Steps, ...]]] = defaultdict(dict)
    for owner, app in declared.pins:
        here[owner][app] = promotable.get(app, ())
    for name, environment in sorted(declared.environments.items()):
        if environment.known is not None:
            yield from _masked(environment, environment.known.values, here[name])
    for cluster in declared.clusters.values():
        if cluster.known is not None and cluster.known.values:
            yield from _masked(cluster, cluster.known.values, promotable)


def _masked(
    file: Parsed[Any], values: Mapping[str, Any], promotable: Mapping[str, tuple[Steps, ...]]
) -> Iterator[Problem]:
    for steps, _ in leaves(values):
        apps = [app for app, paths in sorted(promotable.items()) if any(_overlap(path, steps) for path in paths)]
        if apps:
            yield Problem(
                codes.MASKED,
                f"`{join(steps)}` is promotable in {listed(apps)}: a release that carries it wins over the value here",
                file.at("values", *steps),
                "set it with `fleet release`, so that it is promoted with the app",
                severity="warning",
            )


def _overlap(one: Steps, other: Steps) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]
