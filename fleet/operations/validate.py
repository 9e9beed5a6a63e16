"""Checks everything that a fleet declares and renders, and reports every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fleet.engine.contract import undeclared_images, undeclared_values
from fleet.engine.secrets import PLAIN_SECRET, plain_secrets
from fleet.errors import FleetError, Location, Problem, UsageError
from fleet.model.base import Report
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.release import Pin
from fleet.operations.common.desired import DesiredTargets, desired_states, render_work_tree
from fleet.operations.common.loading import fleet_tree
from fleet.ports.clock import Clock
from fleet.ports.config import FleetLoader
from fleet.ports.renderer import Renderer
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import Tree

UNDECLARED_IMAGE, LEAK = "FLT-CFG-061", "FLT-CFG-062"
_SECRET_LINE = re.compile(rb"(?m)^[ ]*kind:[ ]*[\"']?Secret\b")


class ValidationReport(Report):
    """What was checked and what was found. Problems are sorted by file, line and column."""

    origin: str
    revision: str | None
    environments: int = 0
    clusters: int = 0
    apps: int = 0
    targets: int = 0
    objects: int = 0
    errors: int = 0
    warnings: int = 0
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()


def validate(
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    clock: Clock,
    branch: str,
    revision: str | None = None,
    environments: tuple[str, ...] = (),
) -> ValidationReport:
    """Load, cross-check and render a fleet.

    Args:
        repository: where the files are.
        loader: reads the declared files.
        renderer: renders the apps.
        clock: measures how long it took.
        branch: the protected branch.
        revision: check this commit instead of the files on disk.
        environments: render the targets of these environments only; files are all checked.

    Raises:
        UsageError: there is no such environment.
        GitError: there is no such revision.
    """
    started = clock.monotonic()
    tree = fleet_tree(repository, branch, revision=revision, work_tree=revision is None, fetch=False)
    loaded = loader.load(tree)
    problems = list(loaded.problems)
    report = ValidationReport(origin=tree.origin, revision=tree.revision)
    fleet = loaded.fleet
    if fleet is not None:
        check = _Check(fleet, tree, repository, loader, renderer)
        targets = _targets(fleet, environments)
        problems, objects = check.run(targets, problems)
        report = report.model_copy(
            update={
                "environments": len(fleet.environments),
                "clusters": len(fleet.clusters),
                "apps": len(fleet.apps),
                "targets": len(targets),
                "objects": objects,
            }
        )
    found = tuple(sorted(dict.fromkeys(problems), key=_place))
    errors = sum(1 for problem in found if problem.severity == "error")
    return report.model_copy(
        update={
            "problems": found,
            "errors": errors,
            "warnings": len(found) - errors,
            "seconds": clock.monotonic() - started,
        }
    )


def _targets(fleet: Fleet, environments: tuple[str, ...]) -> tuple[Target, ...]:
    for name in environments:
        if name not in fleet.environments:
            known = ", ".join(f"`{environment}`" for environment in fleet.environments)
            raise UsageError(
                f"there is no environment `{name}`", code="FLT-USE-010", hints=(f"there is {known}" if known else "",)
            )
    return tuple(t for t in fleet.targets() if not environments or t.environment in environments)


class _Check:
    def __init__(
        self, fleet: Fleet, tree: Tree, repository: RepositoryReader, loader: FleetLoader, renderer: Renderer
    ) -> None:
        self.fleet = fleet
        self.tree = tree
        self.repository = repository
        self.loader = loader
        self.renderer = renderer

    def run(self, targets: tuple[Target, ...], problems: list[Problem]) -> tuple[list[Problem], int]:
        """Return all problems, and how many objects were rendered for the targets."""
        problems = self._with_contracts(problems)
        broken = {p.location.path for p in problems if p.severity == "error" and p.location is not None}
        sound = [t for t in targets if f"environments/{t.environment}/apps/{t.app}.yaml" not in broken]
        tools: dict[str, Any] = {"tree": self.tree, "loader": self.loader, "renderer": self.renderer}
        pinned = desired_states(self.fleet, sound, repository=self.repository, **tools)
        standing = render_work_tree(self.fleet, sound, pins=self._pins_as_they_stand(sound), **tools)
        for states in (pinned, standing):
            problems.extend(p for found in states.problems.values() for p in found)
            problems.extend(self._secrets(states))
        return problems, sum(len(state.objects) for state in pinned.states.values())

    def _pins_as_they_stand(self, targets: Iterable[Target]) -> dict[tuple[str, str], Pin]:
        """Return pins without what the newest `app.yaml` no longer declares: the next release will not have it."""
        pins: dict[tuple[str, str], Pin] = {}
        for target in targets:
            pin, app = self.fleet.environments[target.environment].pins[target.app], self.fleet.apps[target.app]
            if pin.release is None:
                continue
            leaks = undeclared_values(pin.release, app)
            here = pin.release.model_copy(
                update={
                    "images": {name: image for name, image in pin.release.images.items() if name in app.images},
                    "values": {path: value for path, value in pin.release.values.items() if path not in leaks},
                }
            )
            pins[target.environment, target.app] = pin.model_copy(update={"release": here})
        return pins

    def _with_contracts(self, problems: list[Problem]) -> list[Problem]:
        """Judge releases by the `app.yaml` of their own revision; the loader could only warn by the newest one."""
        found = list(self._contracts())
        certain = {(p.code, p.location) for p in found}
        return [*(p for p in problems if (p.code, p.location) not in certain), *found]

    def _contracts(self) -> Iterator[Problem]:
        for environment in self.fleet.environments.values():
            for name, pin in environment.pins.items():
                if pin.release is None or not (pin.release.images or pin.release.values):
                    continue
                try:
                    app = self.loader.load_app(self.repository.tree(pin.release.revision), name)
                except FleetError:
                    continue  # rendering says what is wrong with the revision
                path, at = f"environments/{environment.name}/apps/{name}.yaml", pin.release.short
                for image in undeclared_images(pin.release, app):
                    where = self.loader.locate(self.tree, path, "release", "images", image)
                    text = f"the release sets the image `{image}`, which `{name}` {at} does not declare"
                    yield Problem(UNDECLARED_IMAGE, text, where)
                for value in undeclared_values(pin.release, app):
                    where = self.loader.locate(self.tree, path, "release", "values", value)
                    text = f"the release carries `{value}`, which `{name}` {at} does not declare promotable"
                    yield Problem(LEAK, text, where, "move it to `values:`, which a promotion never touches")

    def _secrets(self, states: DesiredTargets) -> Iterator[Problem]:
        for target, state in states.states.items():
            for ref, keys in plain_secrets(state.objects):
                yield Problem(
                    PLAIN_SECRET,
                    f"`{ref}` holds plain values: {', '.join(f'`{key}`' for key in keys)}",
                    self._secret_location(target.app),
                    "keep the values out of git: use a SealedSecret, an ExternalSecret or SOPS",
                )

    def _secret_location(self, app: str) -> Location:
        """Return the line of the only `kind: Secret` of the app's templates, or the app."""
        places = []
        for entry in self.tree.entries(f"apps/{app}/templates"):
            if entry.path.endswith(".yaml.j2") and entry.kind == "file":
                content = self.tree.read(entry.path)
                places += [(entry.path, content.count(b"\n", 0, m.start()) + 1) for m in _SECRET_LINE.finditer(content)]
        return Location(*places[0]) if len(places) == 1 else Location(f"apps/{app}/app.yaml")


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    at = problem.location or Location("")
    return (at.path, at.line or 0, at.column or 0, problem.code, problem.message)
