"""What release, promote and rollback share before anything is written: the fleet, and the plan of one app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from fleet.engine.lines import one_line
from fleet.engine.migrations import migration_texts
from fleet.engine.pipeline import upstream
from fleet.engine.plan_promotion import Facts, also_set_by_environment, pin_path, plan_promotion
from fleet.errors import BlockedError, ConfigError, FleetError
from fleet.model.fleet import Fleet
from fleet.model.gate import Override
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.observation import Observations
from fleet.model.promotion import (
    AppCommit,
    HistoryEntry,
    PromotionError,
    PromotionKind,
    PromotionOutcome,
    PromotionPlan,
    PromotionResult,
    ValueDecision,
    ValueMove,
)
from fleet.model.pull_request import PullRequest
from fleet.model.release import Pin, Release
from fleet.operations.common.desired import DesiredTargets, desired_states
from fleet.operations.common.history import pin_history
from fleet.operations.common.interfaces import SpecReader
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.renderer import Renderer
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import Tree

NOT_RENDERED = "FLT-PRM-001"
BLOCKED = "FLT-GAT-002"
_COMMITS = 2_000
"""How far back commits of an app are compared."""


@dataclass(frozen=True)
class World:
    """The fleet at a commit, and what is needed to read more of it."""

    fleet: Fleet
    tree: Tree
    repository: RepositoryReader
    loader: FleetLoader
    renderer: Renderer
    pin_editor: PinEditor
    branch: str
    _histories: dict[str, tuple[HistoryEntry, ...]] = field(default_factory=dict, repr=False, compare=False)

    def history(self, app: str) -> tuple[HistoryEntry, ...]:
        """Return the changes of an app's pins in every environment, newest first; read once."""
        if app not in self._histories:
            found = pin_history(self.base, repository=self.repository, pin_editor=self.pin_editor, app=app)
            self._histories[app] = tuple(found)
        return self._histories[app]

    @property
    def base(self) -> str:
        """Commit of the protected branch."""
        return self.tree.revision or ""

    @cached_property
    def specs(self) -> SpecReader:
        """What releases declare, read once."""
        return SpecReader(self.fleet, self.repository, self.loader)

    def targets(self, environment: str, app: str) -> tuple[Target, ...]:
        """Return the app on every cluster of an environment, in the order of waves."""
        waves = self.fleet.environments[environment].waves
        return tuple(Target(app, environment, cluster) for wave in waves for cluster in wave.clusters)

    def render(self, targets: Sequence[Target], pins: Mapping[tuple[str, str], Pin] | None = None) -> DesiredTargets:
        """Return desired states."""
        return desired_states(
            self.fleet,
            targets,
            tree=self.tree,
            repository=self.repository,
            loader=self.loader,
            renderer=self.renderer,
            pins=pins,
        )

    def pin_content(self, environment: str, app: str) -> bytes | None:
        """Return the pin file as it is; None if the app is not there yet."""
        path = pin_path(environment, app)
        return self.tree.read(path) if any(e.path == path for e in self.tree.entries(path)) else None


def assuming(world: World, environment: str, releases: Mapping[str, Release]) -> World:
    """Return a fleet in which an environment has these releases already, by app: they come together."""
    place = world.fleet.environments[environment]
    pins = dict(place.pins)
    for app, release in releases.items():
        pins[app] = pins.get(app, Pin()).model_copy(update={"release": release})
    environments = {**world.fleet.environments, environment: replace(place, pins=pins)}
    return replace(world, fleet=replace(world.fleet, environments=environments))


@dataclass(frozen=True)
class Planned:
    """One app of a command: its plan, or why there is none; and the pull request that is open already."""

    app: str
    environment: str
    plan: PromotionPlan | None = None
    pull_request: PullRequest | None = None
    error: FleetError | None = None
    train: int | None = None
    """Number of the open pull request that moves the app together with others."""
    objects: Mapping[Target, Sequence[Manifest]] = field(default_factory=dict, repr=False)
    """What each target of the environment would be."""
    observations: Observations | None = field(default=None, repr=False)
    """What the gates looked at; none: it was not judged."""
    overrides: Sequence[Override] = ()
    """What a person asked to promote past."""

    @property
    def ready(self) -> bool:
        """Whether there is something to carry out."""
        return self.plan is not None and not self.plan.nothing_to_do and not self.plan.blocked_by

    def result(self) -> PromotionResult:
        """Return what is known without carrying anything out."""
        if self.plan is None:
            assert self.error is not None  # noqa: S101
            return failed(self.app, self.environment, self.error)
        outcome = PromotionOutcome.PLANNED
        if self.plan.nothing_to_do:
            outcome = PromotionOutcome.NOTHING
        elif self.plan.blocked_by:
            outcome = PromotionOutcome.BLOCKED
        known = self.pull_request
        return PromotionResult(
            app=self.app,
            environment=self.environment,
            outcome=outcome,
            plan=self.plan,
            pull_request=known.number if known else None,
            url=known.url if known else "",
            error=error_data(blocked_error(self.plan)) if outcome is PromotionOutcome.BLOCKED else None,
        )


@dataclass(frozen=True)
class Draft:
    """What one verb decides; the rest of the facts are found out here."""

    kind: PromotionKind
    app: str
    environment: str
    before: Release | None
    after: Release
    content: bytes
    source: str | None = None
    direct: bool = False
    distance: str = ""
    values: tuple[ValueMove, ...] = ()
    """What becomes of the values that differ between source and environment."""
    source_release: Release | None = None
    """The release as the source has it."""

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything is there already."""
        return self.before == self.after and not any(v.decision is ValueDecision.CONFLICT for v in self.values)


def make_plan(draft: Draft, world: World, now: DesiredTargets | None = None) -> Planned:
    """Return the plan of one app, not judged yet: renders what the environment will be, and compares.

    Args:
        draft: what is to be done.
        world: the fleet.
        now: desired states of the environment as it is, if they were rendered already.

    Raises:
        ConfigError: the release cannot be rendered for every cluster of the environment.
    """
    fleet, app, environment = world.fleet, draft.app, draft.environment
    if draft.nothing_to_do:
        return Planned(app, environment, plan_promotion(_facts(draft, world)))
    targets = world.targets(environment, app)
    if now is None:
        now = world.render([t for t in targets if app in fleet.environments[environment].pins])
    there = fleet.environments[environment].pins.get(app, Pin())
    pin = there.model_copy(update={"release": draft.after})
    then = world.render(targets, {(environment, app): pin})
    if then.problems:
        raise _not_rendered(draft, then)
    objects = _objects(then, targets)
    commits, backwards = _commits_between(world.repository, app, draft.before, draft.after)
    plan = plan_promotion(
        replace(
            _facts(draft, world),
            objects_before=_objects(now, targets),
            objects_after=objects,
            unknown_before=[t for t in targets if t in now.problems],
            commits=commits,
            backwards=backwards,
            migrations=migration_texts(now.states.values(), then.states.values()),
            also_set=also_set_by_environment(fleet, environment, app, draft.after),
        )
    )
    return Planned(app, environment, plan, objects=objects)


def _facts(draft: Draft, world: World) -> Facts:
    """Return what is known without rendering anything."""
    return Facts(
        kind=draft.kind,
        app=draft.app,
        environment=draft.environment,
        source=draft.source,
        base=world.base,
        before=draft.before,
        after=draft.after,
        content=draft.content.decode(),
        direct=draft.direct,
        protected=world.branch,
        distance=draft.distance,
        values=draft.values,
        source_release=draft.source_release,
        next_environments=world.fleet.next_environments(draft.environment),
        skipped=_skipped(draft, world),
    )


def _skipped(draft: Draft, world: World) -> tuple[str, ...]:
    if draft.kind is not PromotionKind.HOTFIX or draft.source is None:
        return ()
    way = upstream(world.fleet, draft.environment)
    return tuple(reversed(way[: way.index(draft.source)]))


def failed(app: str, environment: str, error: FleetError) -> PromotionResult:
    """Return an error as the result of one app; the others go on."""
    blocked = isinstance(error, BlockedError)
    return PromotionResult(
        app=app,
        environment=environment,
        outcome=PromotionOutcome.BLOCKED if blocked else PromotionOutcome.FAILED,
        error=error_data(error),
    )


def error_data(error: FleetError) -> PromotionError:
    """Return an error as data; of several problems, the first."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    location = error.location or (problems[0].location if problems else None)
    hints = error.hints or tuple(p.hint for p in problems[:1] if p.hint)
    message = f"{error.message}: {problems[0].message}" if problems else error.message
    return PromotionError(
        code=error.code,
        message=message,
        hints=hints,
        location=str(location) if location is not None else None,
        exit_code=int(error.exit_code),
    )


def blocked_error(plan: PromotionPlan) -> BlockedError:
    """Return what keeps a plan from being carried out."""
    held = plan.blocked_by
    reasons = "; ".join(f"{gate.name}: {gate.reason}" for gate in held)
    hints = tuple(dict.fromkeys(gate.hint for gate in held if gate.hint))
    return BlockedError(reasons, code=BLOCKED, hints=hints)


def _objects(states: DesiredTargets, targets: Sequence[Target]) -> dict[Target, Sequence[Manifest]]:
    return {t: states.states[t].objects for t in targets if t in states.states}


def _not_rendered(draft: Draft, states: DesiredTargets) -> ConfigError:
    problems = tuple(dict.fromkeys(p for found in states.problems.values() for p in found))
    clusters = ", ".join(f"`{target.cluster}`" for target in list(states.problems)[:5])
    return ConfigError(
        f"`{draft.app}` {draft.after.short} cannot be rendered for `{draft.environment}` (on {clusters})",
        code=NOT_RENDERED,
        problems=problems,
    )


def _commits_between(
    repository: RepositoryReader, app: str, before: Release | None, after: Release
) -> tuple[tuple[AppCommit, ...], bool]:
    """Return the commits that changed the app from one revision to the other, and whether they are lost by it."""
    if before is None or before.revision == after.revision:
        return (), False
    try:
        old, new = (
            {c.id: c for c in repository.log(r, paths=[f"apps/{app}"], limit=_COMMITS)}
            for r in (before.revision, after.revision)
        )
    except FleetError:
        return (), False  # a revision that is not here any more: rendering has said so
    gained = [c for oid, c in new.items() if oid not in old]
    lost = [c for oid, c in old.items() if oid not in new]
    shown, backwards = (gained, False) if gained else (lost, bool(lost))
    return tuple(
        AppCommit(id=c.id, subject=one_line(c.message.partition("\n")[0]), author=one_line(c.author.name))
        for c in shown
    ), backwards
