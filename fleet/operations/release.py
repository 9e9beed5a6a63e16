"""Put a new release of an app into the first environment: a commit where the policy lets it, else a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fleet.engine.contract import undeclared_images, undeclared_values
from fleet.engine.names import require_known
from fleet.engine.plan_promotion import branch_name, pin_path
from fleet.engine.versions import Part, is_version, next_free
from fleet.errors import ConfigError, ConflictError, FleetError, GitError, UsageError
from fleet.model.declared import AppSpec
from fleet.model.fleet import Fleet
from fleet.model.promotion import PromotionKind, PromotionResult
from fleet.model.release import Release
from fleet.operations.common.deciding import NOTHING_RENDERED, Wishes, judged, observed
from fleet.operations.common.history import pin_history
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observing import Senses
from fleet.operations.common.planning import Draft, Planned, World, make_plan
from fleet.operations.common.promotion import carry_out
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.forge import Forge, ForgeReader
from fleet.ports.ledger import LedgerWriter
from fleet.ports.renderer import Renderer
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader, RepositoryWriter

VERSION_TAKEN = "FLT-PRM-040"
NOT_FIRST = "FLT-PRM-041"
WHICH_FIRST = "FLT-PRM-042"
NOT_PROTECTED = "FLT-PRM-043"
NO_SUCH_APP = "FLT-PRM-044"
NOT_DECLARED = "FLT-PRM-045"
BAD_INPUT = "FLT-PRM-046"
FOLLOWS = "FLT-PRM-047"


@dataclass(frozen=True)
class Request:
    """What a person or a CI job asks for."""

    app: str
    version: str | None = None
    bump: Part | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    revision: str | None = None
    environment: str | None = None


@dataclass(frozen=True)
class Prepared:
    """The plan, and the fleet that it was made of."""

    world: World
    planned: Planned


def prepare(
    request: Request,
    wishes: Wishes | None = None,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    senses: Senses,
    forge: ForgeReader,
    pin_editor: PinEditor,
    branch: str,
    world: World | None = None,
) -> Prepared:
    """Return what the release would do. Writes nothing.

    Args:
        request: what is released.
        wishes: what a person asked for beside it.
        repository: the repository of the fleet.
        loader: reads the fleet.
        renderer: renders what the release changes.
        senses: where gates look.
        forge: where pull requests are.
        pin_editor: edits pins.
        branch: the protected branch.
        world: the fleet, if it was loaded already; several releases may start from the same one.

    Raises:
        UsageError: a name, version, image, value or revision cannot be used.
        ConflictError: the version was given to other content before.
        ConfigError: the fleet cannot be loaded, or the release cannot be rendered.
    """
    if world is None:
        loaded, tree = load_fleet(repository, loader, branch)
        world = World(loaded, tree, repository, loader, renderer, pin_editor, branch)
    fleet = world.fleet
    require_known("app", request.app, fleet.apps)
    environment = first_environment(fleet, request.app, request.environment)
    pin = fleet.environments[environment].pins.get(request.app)
    before = pin.release if pin is not None else None
    after = _release(request, environment, before, world)
    path = pin_path(environment, request.app)
    policy = fleet.environments[environment].spec.policy
    direct = policy.releases == "direct"
    draft = Draft(
        kind=PromotionKind.RELEASE,
        app=request.app,
        environment=environment,
        before=before,
        after=after,
        content=pin_editor.write(world.pin_content(environment, request.app), after, path),
        direct=direct,
    )
    made = make_plan(draft, world)
    observations = observed(world, [made], NOTHING_RENDERED, senses)
    opened = None if direct else forge.find_open(branch_name(PromotionKind.RELEASE, environment, request.app))
    return Prepared(world, replace(judged(made, world, observations, wishes), pull_request=opened))


def execute(
    prepared: Prepared, *, repository: RepositoryWriter, forge: Forge, ledger: LedgerWriter, reporter: Reporter
) -> PromotionResult:
    """Commit the release, or open its pull request."""
    return carry_out(
        prepared.planned, prepared.world, repository=repository, forge=forge, ledger=ledger, reporter=reporter
    )


def first_environment(fleet: Fleet, app: str, wanted: str | None) -> str:
    """Return the environment that a new release enters.

    Raises:
        UsageError: the wanted one is not the first of a pipeline or follows a branch, or there are several.
    """
    first = [e.name for e in fleet.environments.values() if e.spec.promotes_from is None]
    if wanted is None:
        candidates = [n for n in first if app in fleet.environments[n].pins] or first
        if len(candidates) != 1:
            raise UsageError(
                f"a release of `{app}` could enter {' or '.join(f'`{n}`' for n in candidates) or 'no environment'}",
                code=WHICH_FIRST,
                hints=(f"fleet release {app} -e {candidates[0] if candidates else 'ENV'}",),
            )
        wanted = candidates[0]
    require_known("environment", wanted, fleet.environments)
    spec = fleet.environments[wanted].spec
    if spec.promotes_from is not None:
        raise UsageError(
            f"releases come to `{wanted}` from `{spec.promotes_from}`, by promotion",
            code=NOT_FIRST,
            hints=(f"fleet promote {app} --to {wanted}", f"new releases enter {', '.join(f'`{n}`' for n in first)}"),
        )
    pin = fleet.environments[wanted].pins.get(app)
    if spec.track is not None and (pin is None or pin.release is None):
        raise UsageError(
            f"`{wanted}` follows `{spec.track}`: it runs what is on that branch, without releases",
            code=FOLLOWS,
            hints=(f"push to `{spec.track}`, or remove `track` from environments/{wanted}/environment.yaml",),
        )
    return wanted


def _release(request: Request, environment: str, before: Release | None, world: World) -> Release:
    """Return the new release; the present one, if it would have the same content."""
    revision = _revision(request, before, world)
    spec = _app_at(revision, request.app, world)
    for name, image in request.images.items():
        if name not in spec.images:
            known = ", ".join(f"`{n}`" for n in sorted(spec.images)) or "none"
            raise UsageError(
                f"`{request.app}` declares no image `{name}`", code=NOT_DECLARED, hints=(f"it declares {known}",)
            )
        if not image or any(c.isspace() or not c.isprintable() for c in image):
            raise UsageError(f"`{image}` is not a reference of an image", code=BAD_INPUT)
    old_images = {n: i for n, i in (before.images if before else {}).items() if n in spec.images}
    draft = Release(
        version=before.version if before else "0.0.0",
        revision=revision,
        images={**old_images, **request.images},
        values={**_kept_values(before, spec), **request.values},
    )
    _check_contract(draft, spec, request.app)
    same = before is not None and draft == before
    if same and request.version in (None, draft.version):
        return draft
    version = _version(request, environment, draft, before, world)
    return draft.model_copy(update={"version": version})


def _revision(request: Request, before: Release | None, world: World) -> str:
    """Return the commit that the app is taken from; the present one, where the app is the same there."""
    repository, path = world.repository, f"apps/{request.app}"
    if request.revision is None:
        revision = repository.last_change(world.base, path) or world.base
    else:
        revision = repository.resolve(request.revision)
        if not repository.is_ancestor(revision, world.base):
            raise UsageError(
                f"commit {revision[:12]} is not on the protected branch `{world.branch}`",
                code=NOT_PROTECTED,
                hints=("merge it first: what is released was reviewed, and stays reachable",),
            )
        if repository.tree_id(revision, path) is None:
            raise UsageError(
                f"commit {revision[:12]} has no app `{request.app}`",
                code=NO_SUCH_APP,
                hints=(f"git log --oneline -- {path}",),
            )
    if before is not None and _tree(world, before.revision, path) == repository.tree_id(revision, path):
        return before.revision
    return revision


def _tree(world: World, revision: str, path: str) -> str | None:
    try:
        return world.repository.tree_id(revision, path)
    except GitError:
        return None  # the pinned commit is not here; rendering what runs now says so


def _app_at(revision: str, app: str, world: World) -> AppSpec:
    return world.loader.load_app(world.repository.tree(revision), app)


def _kept_values(before: Release | None, spec: AppSpec) -> dict[str, Any]:
    if before is None:
        return {}
    gone = undeclared_values(before, spec)
    return {path: value for path, value in before.values.items() if path not in gone}


def _check_contract(release: Release, spec: AppSpec, app: str) -> None:
    try:
        leaks = undeclared_values(release, spec)
    except ValueError as error:
        raise UsageError(str(error), code=BAD_INPUT) from error
    if leaks:
        known = ", ".join(f"`{path}`" for path in spec.promotable) or "none"
        raise UsageError(
            f"`{leaks[0]}` does not travel with releases of `{app}`: it belongs to the environments",
            code=NOT_DECLARED,
            hints=(f"promotable are {known}; the list stands in apps/{app}/app.yaml",),
        )
    if undeclared_images(release, spec):
        raise ConfigError(f"`{app}` declares other images by now", code=NOT_DECLARED)


def _version(request: Request, environment: str, draft: Release, before: Release | None, world: World) -> str:
    """Return the version of the new release.

    Raises:
        ConflictError: it was given to other content before.
    """
    taken = _taken(request.app, environment, world)
    if request.version is None:
        part: Part = request.bump or ("patch" if before else "minor")
        return next_free(before.version if before else "0.0.0", part, taken)
    version = request.version
    if not is_version(version):
        raise UsageError(
            f"`{version}` is not a semantic version", code=BAD_INPUT, hints=("write it like `1.4.2` or `1.4.2-rc.1`",)
        )
    known = taken.get(version)
    if known is not None and known.model_copy(update={"version": version}) != draft.model_copy(
        update={"version": version}
    ):
        raise ConflictError(
            f"version {version} of `{request.app}` has other content already (revision {known.revision[:7]})",
            code=VERSION_TAKEN,
            hints=(f"a version never changes: take another, like `--version {next_free(version, 'patch', taken)}`",),
        )
    return version


def _taken(app: str, environment: str, world: World) -> dict[str, Release]:
    """Return the releases that were given each version: in the first environment ever, and in all others now."""
    taken: dict[str, Release] = {}
    for other in world.fleet.environments.values():
        pin = other.pins.get(app)
        if pin is not None and pin.release is not None:
            taken[pin.release.version] = pin.release
    try:
        history = pin_history(
            world.base, repository=world.repository, pin_editor=world.pin_editor, environment=environment, app=app
        )
        taken |= {entry.after.version: entry.after for entry in history if entry.after is not None}
    except FleetError:
        pass  # a shallow clone knows less of the past
    return taken
