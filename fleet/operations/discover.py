"""Find newer images in registries, and propose them to the first environment as `fleet release` does.

Looking reads registries and writes nothing. Proposing is one release per app, with its compare-and-swap writes: so this
is safe to run from cron, from two machines at once, and after any crash. What goes wrong with one app stays with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fleet.engine.discovery import Choice, Present, choose, kept_by_hand, turned_down
from fleet.engine.names import require_known
from fleet.engine.plan_promotion import pin_path
from fleet.engine.references import Reference, parse
from fleet.engine.tags import version_of
from fleet.engine.versions import older
from fleet.errors import BlockedError, ConflictError, FleetError, RegistryError, UsageError
from fleet.model.declared import AppSpec
from fleet.model.discoveries import AppDiscovery, Discoveries, ImageDiscovery
from fleet.model.discovery import DiscoverSpec, ImageRuleSpec
from fleet.model.promotion import PromotionResult
from fleet.model.registry import Manifest, Repository
from fleet.model.release import Release
from fleet.model.restriction import Rejection
from fleet.operations import release
from fleet.operations.common.desk import Desk
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.planning import Planned, World, error_data, failed
from fleet.ports.registry import Registries

NO_RULES = "FLT-PRM-060"
NO_VERSION = "FLT-PRM-061"
BY_HAND = "FLT-PRM-062"
TAG_GONE = "FLT-REG-010"

Key = tuple[Repository, str]
Connect = Callable[[Sequence[str]], Registries]


@dataclass(frozen=True)
class Look:
    """One image of an app: its rule, and what runs."""

    image: str
    rule: ImageRuleSpec
    name: str
    """Repository, as a reference of it is written."""
    present: Reference

    @property
    def repository(self) -> Repository:
        """The repository that is looked in."""
        return Reference(self.name).repository


@dataclass(frozen=True)
class Found:
    """One app on its way: what is known of it, and the release that is prepared."""

    discovery: AppDiscovery
    prepared: release.Prepared | None = None

    @property
    def planned(self) -> Planned | None:
        """The plan of its release; None: there is nothing new, or nothing can be proposed."""
        return self.prepared.planned if self.prepared is not None else None


@dataclass
class _App:
    """What is gathered of one app."""

    name: str
    spec: AppSpec
    environment: str | None = None
    before: Release | None = None
    looks: tuple[Look, ...] = ()
    choices: dict[str, Choice] = field(default_factory=dict)
    images: list[ImageDiscovery] = field(default_factory=list)
    error: FleetError | None = None

    @property
    def rules(self) -> DiscoverSpec:
        """Its rules."""
        assert self.spec.discover is not None  # noqa: S101
        return self.spec.discover

    def report(self) -> AppDiscovery:
        """Return what is known."""
        error = error_data(self.error) if self.error is not None else None
        return AppDiscovery(app=self.name, environment=self.environment, images=tuple(self.images), error=error)


def look(desk: Desk, connect: Connect, apps: Sequence[str] = ()) -> tuple[World, tuple[Found, ...]]:
    """Return what there is to propose, app by app. Writes nothing.

    Args:
        desk: the ports of promotions.
        connect: gives what asks registries. They are asked as far as the protected branch lets fleet ask them.
        apps: only these; empty: every app that has rules.

    Raises:
        UsageError: an app is not there, or has no rules.
        ConfigError: the fleet cannot be loaded.
        UnreachableError: the remote cannot be reached. What is wrong with a registry is told app by app.
    """
    fleet, tree = load_fleet(desk.repository, desk.loader, desk.branch)
    world = World(fleet, tree, desk.repository, desk.loader, desk.renderer, desk.pin_editor, desk.branch)
    for name in apps:
        require_known("app", name, fleet.apps)
        if fleet.apps[name].discover is None:
            raise UsageError(
                f"`{name}` has no rules of discovery",
                code=NO_RULES,
                hints=(f"write them under `discover` in apps/{name}/app.yaml",),
            )
    wanted = apps or [name for name, spec in fleet.apps.items() if spec.discover is not None]
    found = [_App(name, fleet.apps[name]) for name in dict.fromkeys(wanted)]
    registries = connect(fleet.file.allowed_hosts)
    restrictions = desk.senses.restrictions.read() if desk.senses.restrictions is not None else None
    for app in found:
        _look_at(app, world)
    listed = registries.tags({one.repository for app in found for one in app.looks})
    for app in found:
        rejected = [r for r in restrictions.rejections if r.app == app.name] if restrictions is not None else []
        _choose(app, world, listed, rejected)
    _resolve(found, registries)
    return world, tuple(_prepared(app, world, desk) for app in found)


def propose(found: Sequence[Found], desk: Desk) -> tuple[Found, ...]:
    """Carry the releases out that are ready; return everything with what came of it."""
    return tuple(_proposed(one, desk) for one in found)


def report(world: World, found: Sequence[Found]) -> Discoveries:
    """Return what was found; of releases that were not carried out, what they would do."""
    apps = []
    for one in found:
        planned, app = one.planned, one.discovery
        if planned is not None and app.result is None:
            app = app.model_copy(update={"result": planned.result()})
        apps.append(app)
    return Discoveries(revision=world.base, apps=tuple(apps))


# ── looking ──


def _look_at(app: _App, world: World) -> None:
    """Find out where releases of an app enter, and which images run there."""
    try:
        app.environment = release.first_environment(world.fleet, app.name, None)
        pin = world.fleet.environments[app.environment].pins.get(app.name)
        app.before = pin.release if pin is not None else None
        defaults = app.spec.images
        if app.before is not None:
            pinned = world.specs.at(app.name, app.before.revision)
            defaults = {**defaults, **(pinned.images if isinstance(pinned, AppSpec) else {})}
        images = app.before.images if app.before is not None else {}
        app.looks = tuple(
            Look(
                name,
                rule,
                rule.repository or parse(app.spec.images[name]).name,
                parse(images.get(name, defaults[name])),
            )
            for name, rule in app.rules.images.items()
        )
    except ValueError as error:
        app.error = RegistryError(str(error))
    except FleetError as error:
        app.error = error


def _choose(
    app: _App,
    world: World,
    listed: Mapping[Repository, Sequence[str] | FleetError],
    rejections: Sequence[Rejection],
) -> None:
    """Judge the tags of each image of an app; an image that cannot be judged keeps all of its app back."""
    for one in app.looks:
        tags = listed[one.repository]
        if isinstance(tags, FleetError):
            app.error = app.error or tags
            continue
        try:
            history = world.history(app.name)
            assert app.environment is not None  # noqa: S101
            down = turned_down(history, app.environment, one.image, rejections)
        except FleetError as error:
            app.error = app.error or error
            return
        choice = choose(tags, Present(one.present.tag), one.rule, down)
        app.choices[one.image] = choice
        if choice.fault:
            app.error = app.error or RegistryError(
                f"`{one.image}` of `{app.name}`: {choice.fault}",
                code=NO_VERSION,
                hints=(f"fleet release {app.name} --image {one.image}={one.name}:TAG",),
            )


def _resolve(apps: Sequence[_App], registries: Registries) -> None:
    """Find the digests: of the tags that are proposed, and of those that run."""
    pairs = [(app, one, app.choices[one.image]) for app in apps for one in app.looks if one.image in app.choices]
    proposed = [(o.repository, c.newest.tag) for _, o, c in pairs if c.newest is not None and o.rule.pin_digest]
    manifests = registries.manifests(proposed)
    running = [key for _, o, _ in pairs if (key := _running(o)) is not None]
    digests = registries.digests(running)
    for app, one, choice in pairs:
        app.images.append(_discovered(app, one, choice, manifests, digests))


def _running(one: Look) -> Key | None:
    """Return the tag that runs, if somebody could notice that it points at something else by now."""
    if one.present.tag is None or one.present.digest is None:
        return None
    return one.present.repository, one.present.tag


def _discovered(
    app: _App,
    one: Look,
    choice: Choice,
    manifests: Mapping[Key, Manifest | FleetError | None],
    digests: Mapping[Key, str | FleetError | None],
) -> ImageDiscovery:
    reference: Reference | None = None
    if choice.newest is not None:
        reference = Reference(one.name, choice.newest.tag)
        if one.rule.pin_digest:
            manifest = manifests[one.repository, choice.newest.tag]
            if manifest is None:
                manifest = RegistryError(
                    f"{one.repository}:{choice.newest.tag} was listed, and is not there",
                    code=TAG_GONE,
                    hints=("run the command again: it may have been removed at this moment",),
                )
            if isinstance(manifest, FleetError):
                app.error, reference = app.error or manifest, None
            else:
                reference = replace(reference, digest=manifest.digest)
    return ImageDiscovery(
        image=one.image,
        repository=str(one.repository),
        present=str(one.present),
        proposed=str(reference) if reference is not None else None,
        version=choice.newest.version if choice.newest is not None and reference is not None else None,
        notes=_notes(one, digests),
        tags=choice.verdicts,
    )


def _notes(one: Look, digests: Mapping[Key, str | FleetError | None]) -> tuple[str, ...]:
    key = _running(one)
    said = digests[key] if key is not None else one.present.digest
    where = f"`{one.present.name}:{one.present.tag}`"
    if isinstance(said, FleetError):
        return (f"nobody knows whether {where} still is what runs: {said.message}",)
    if key is not None and said is None:
        return (f"{where}, which runs, is not in the registry any more",)
    if key is not None and said != one.present.digest:
        return (f"{where} moved: it is {_short(said)} now, and {_short(one.present.digest)} runs",)
    return ()


def _short(digest: str | None) -> str:
    algorithm, _, value = (digest or "").partition(":")
    return f"{algorithm}:{value[:12]}…"


# ── proposing ──


def _prepared(app: _App, world: World, desk: Desk) -> Found:
    images = {one.image: one.proposed for one in app.images if one.proposed is not None}
    if app.error is not None or not images:
        return Found(app.report())
    try:
        prepared = _plan(app, images, world, desk)
        _leave_what_people_did(app, prepared, desk)
    except FleetError as error:
        app.error = error
        return Found(app.report())
    return Found(app.report(), prepared)


def _plan(app: _App, images: Mapping[str, str], world: World, desk: Desk) -> release.Prepared:
    """Plan the release: under the version of an image where the rules say so, it is newer, and it is free."""
    request = release.Request(app.name, bump=app.rules.bump, images=images, environment=app.environment)
    version = next((one.version for one in app.images if one.image == app.rules.version_of), None)
    if version is not None and (app.before is None or older(app.before.version, version)):
        try:
            return _prepare(replace(request, bump=None, version=version), world, desk)
        except ConflictError as error:
            if error.code != release.VERSION_TAKEN:
                raise
    return _prepare(request, world, desk)


def _prepare(request: release.Request, world: World, desk: Desk) -> release.Prepared:
    return release.prepare(
        request,
        repository=desk.repository,
        loader=desk.loader,
        renderer=desk.renderer,
        senses=desk.senses,
        forge=desk.forge,
        pin_editor=desk.pin_editor,
        branch=desk.branch,
        world=world,
    )


def _leave_what_people_did(app: _App, prepared: release.Prepared, desk: Desk) -> None:
    """Refuse to replace an open pull request that holds more than discovery would put there.

    Raises:
        BlockedError: there is one.
    """
    planned = prepared.planned
    if planned.plan is None or planned.pull_request is None:
        return
    number, head = planned.pull_request.number, planned.pull_request.head
    path = pin_path(planned.environment, app.name)
    proposed = desk.pin_editor.read(desk.repository.read_file(head, path), path)
    if proposed is None or proposed == planned.plan.after:
        return
    versions = {one.image: _version_then(one, app.rules.images[one.image]) for one in app.images}
    forms = {name: rule.tag for name, rule in app.rules.images.items()}
    kept = kept_by_hand(proposed, app.before, planned.plan.after, versions, forms)
    if kept is not None:
        raise BlockedError(
            f"pull request #{number} releases `{app.name}` {proposed.version} already: {kept}",
            code=BY_HAND,
            hints=(f"fleet pr show {number}", f"merge or close it: fleet pr close {number}"),
        )


def _version_then(one: ImageDiscovery, rule: ImageRuleSpec) -> str | None:
    """Return the version of an image in the release that discovery makes."""
    tag = parse(one.present).tag
    return one.version or (version_of(tag, rule.tag) if tag is not None else None)


def _proposed(one: Found, desk: Desk) -> Found:
    if one.prepared is None:
        return one
    try:
        result: PromotionResult = release.execute(
            one.prepared,
            repository=desk.repository,
            forge=desk.forge,
            ledger=desk.ledger,
            reporter=desk.reporter,
        )
    except FleetError as error:
        result = failed(one.discovery.app, one.discovery.environment or "", error)
    return replace(one, discovery=one.discovery.model_copy(update={"result": result}))
