"""Move releases to the next environment by pull request, one per app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module

from fleet.engine.dependencies import in_order
from fleet.engine.history import find_entry
from fleet.engine.names import require_known
from fleet.engine.pipeline import upstream
from fleet.engine.plan_promotion import branch_name
from fleet.errors import FleetError, UsageError
from fleet.model.events import Level, Message
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.observation import Observations
from fleet.model.promotion import PromotionKind, PromotionResult
from fleet.model.pull_request import PullRequest
from fleet.model.release import Pin, Release
from fleet.operations.common.carrying import Passage, check_takes, merged
from fleet.operations.common.deciding import Wishes, judged, observed
from fleet.operations.common.desired import DesiredTargets, release_of
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observing import Senses
from fleet.operations.common.planning import Draft, Planned, World, failed, make_plan
from fleet.operations.common.promotion import carry_out
from fleet.operations.common.trains import carry_out_train, moving_together, open_trains
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.forge import Forge, ForgeReader
from fleet.ports.ledger import LedgerWriter
from fleet.ports.renderer import Renderer
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader, RepositoryWriter

NO_SOURCE = "FLT-PRM-004"
NOT_ADJACENT = "FLT-PRM-005"
NO_RELEASE = "FLT-PRM-006"
NOT_THERE = "FLT-PRM-009"


@dataclass(frozen=True)
class Prepared:
    """A plan for each app, and the fleet that the plans were made of."""

    world: World
    source: str
    environment: str
    planned: tuple[Planned, ...]
    together: bool = False
    """Whether they become one pull request."""


def prepare(
    apps: Sequence[str],
    to: str,
    source: str | None = None,
    wishes: Wishes | None = None,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    senses: Senses,
    forge: ForgeReader,
    pin_editor: PinEditor,
    branch: str,
    reporter: Reporter,
) -> Prepared:
    """Return what promoting each app would do. Writes nothing to git; senses that act start the Jobs of gates.

    What is wrong with one app is told in its plan, and the others go on. An app comes after those that it depends on.

    Args:
        apps: names of apps, each once; none: all that the source has in another release.
        to: the environment that gets the releases.
        source: the environment that they come from; it can only be the one before.
        wishes: what a person asked for beside that.
        repository: the fleet.
        loader: reads it.
        renderer: renders both sides.
        senses: where to look for the health of the source environment, and for all else that gates need.
        forge: asked for pull requests that are open already.
        pin_editor: edits pins.
        branch: the protected branch.
        reporter: is told about what a person should know.

    Raises:
        UsageError: there is no such environment, or the two are not neighbours in the pipeline.
        ConfigError: the fleet cannot be loaded.
        UnreachableError: the remote cannot be reached.
    """
    with ThreadPoolExecutor(3, thread_name_prefix="promote") as pool:
        pool.submit(import_module, "fleet.operations.common.texts")  # brings Jinja2, while git talks to the remote
        fleet, tree = load_fleet(repository, loader, branch)
        world = World(fleet, tree, repository, loader, renderer, pin_editor, branch)
        wanted = wishes or Wishes()
        origin = source_of(fleet, to, source, next(iter(apps), "APP"), skip_order=wanted.skip_order)
        names = in_order(
            apps or differing(fleet, origin, to), {name: spec.depends_on for name, spec in fleet.apps.items()}
        )
        asked = pool.submit(_open_requests, forge, [branch_name(PromotionKind.PROMOTION, to, app) for app in names])
        asked_trains = pool.submit(open_trains, to, forge, repository, world.base)
        takes = wanted.takes
        drafts = {app: _draft(world, app, origin, to, wanted) for app in names}
        check_takes(takes, [move for draft in drafts.values() if isinstance(draft, Draft) for move in draft.values])
        moving = {a: d for a, d in drafts.items() if isinstance(d, Draft) and not d.nothing_to_do}
        states = world.render(_targets_of(world, moving, origin, to), _pins_at_source(world, moving, origin))
        made = {app: _planned(world, app, to, draft, states) for app, draft in drafts.items()}
        observations = observed(world, made.values(), states, senses)
        observations = observations.model_copy(update={"trains": asked_trains.result()})
        opened = asked.result()
    decide_all = _judged_together if wanted.together else _judged_alone
    decided = decide_all([made[app] for app in names], world, observations, wanted)
    planned = tuple(replace(_with_pull_request(one, opened), train=observations.trains.get(one.app)) for one in decided)
    _tell_what_is_left_over(planned, reporter)
    return Prepared(world, origin, to, planned, wanted.together)


def execute(
    prepared: Prepared, *, repository: RepositoryWriter, forge: Forge, ledger: LedgerWriter, reporter: Reporter
) -> tuple[PromotionResult, ...]:
    """Open or update the pull request of each app that is not held. One that fails does not stop the others.

    Apps that move together get one pull request.
    """
    if prepared.together:
        return _execute_together(prepared, repository=repository, forge=forge, ledger=ledger, reporter=reporter)
    results = []
    for planned in prepared.planned:
        try:
            result = carry_out(
                planned, prepared.world, repository=repository, forge=forge, ledger=ledger, reporter=reporter
            )
        except FleetError as error:
            result = failed(planned.app, planned.environment, error).model_copy(update={"plan": planned.plan})
        results.append(result)
    return tuple(results)


def _execute_together(
    prepared: Prepared, *, repository: RepositoryWriter, forge: Forge, ledger: LedgerWriter, reporter: Reporter
) -> tuple[PromotionResult, ...]:
    moving = [one for one in prepared.planned if one.ready]
    done: dict[str, PromotionResult] = {}
    if moving:
        try:
            results = carry_out_train(
                moving,
                prepared.environment,
                prepared.world,
                repository=repository,
                forge=forge,
                ledger=ledger,
                reporter=reporter,
            )
        except FleetError as error:
            results = tuple(failed(o.app, o.environment, error).model_copy(update={"plan": o.plan}) for o in moving)
        done = {result.app: result for result in results}
    return tuple(done.get(one.app) or one.result() for one in prepared.planned)


def _judged_alone(
    planned: Sequence[Planned], world: World, observations: Observations, wishes: Wishes
) -> Sequence[Planned]:
    return [judged(one, world, observations, wishes) for one in planned]


def _judged_together(
    planned: Sequence[Planned], world: World, observations: Observations, wishes: Wishes
) -> Sequence[Planned]:
    """Judge apps as if all that can move had moved: what one needs of another may come with it.

    Those that cannot move are left out and the rest is judged again, until nothing changes.
    """
    moving = {one.app for one in planned if one.plan is not None and not one.plan.nothing_to_do}
    if not moving:
        return planned
    while True:
        releases = {one.app: one.plan.after for one in planned if one.plan is not None and one.app in moving}
        seen = observations.model_copy(update={"together": releases})
        decided = [judged(one, world, seen, wishes) for one in planned]
        able = {one.app for one in moving_together(decided, world.fleet)}
        if moving <= able:
            return [_left_behind(one, able, world) for one in decided]
        moving &= able


def _left_behind(planned: Planned, able: set[str], world: World) -> Planned:
    """Hold an app whose own gates pass, and that depends on one that cannot move."""
    if not planned.ready or planned.app in able or planned.plan is None:
        return planned
    needed = [name for name in world.fleet.apps[planned.app].depends_on if name not in able]
    gate = GateResult(
        name=f"train({planned.environment})",
        verdict=Verdict.PENDING,
        reason=f"it depends on {', '.join(f'`{name}`' for name in needed)}, which cannot move",
        holds="open",
        hint=f"fleet why {needed[0]} --env {planned.environment}" if needed else None,
    )
    return replace(planned, plan=planned.plan.model_copy(update={"gates": (*planned.plan.gates, gate)}))


def source_of(fleet: Fleet, to: str, source: str | None, app: str = "APP", *, skip_order: bool = False) -> str:
    """Return the environment that releases come from: the one before, or with ``skip_order`` one further up.

    Raises:
        UsageError: an environment is not there, or they are not neighbours.
    """
    require_known("environment", to, fleet.environments)
    before = fleet.environments[to].spec.promotes_from
    if before is None:
        raise UsageError(
            f"`{to}` is the first environment of its pipeline: nothing is promoted into it",
            code=NO_SOURCE,
            hints=(f"fleet release {app} -e {to}",),
        )
    if source is not None and source != before:
        require_known("environment", source, fleet.environments)
        far = source in upstream(fleet, to)
        if far and skip_order:
            return source
        hints = [f"promote step by step: `fleet promote {app} --to {_next(fleet, source) or before}`"]
        if far:
            hints.append("to pass over an environment on record: `--skip-order --reason TEXT`")
        raise UsageError(
            f"releases come to `{to}` from `{before}`, not from `{source}`", code=NOT_ADJACENT, hints=tuple(hints)
        )
    return before


def _next(fleet: Fleet, name: str) -> str | None:
    return next(iter(fleet.next_environments(name)), None)


def _draft(world: World, app: str, source: str, to: str, wishes: Wishes) -> Draft | FleetError:
    """Return what is to be done with one app, or why that cannot be said."""
    fleet = world.fleet
    try:
        require_known("app", app, fleet.apps)
        release = _wanted(world, app, source, wishes.release)
        if release is None:
            raise _no_release(fleet, app, source)
        there = pinned(fleet, to, app)
        after, values = merged(world, Passage(app, source, to, there, release), wishes.takes)
        content = world.pin_content(to, app)
        path = f"environments/{to}/apps/{app}.yaml"
        return Draft(
            kind=PromotionKind.PROMOTION
            if source == fleet.environments[to].spec.promotes_from
            else PromotionKind.HOTFIX,
            app=app,
            environment=to,
            source=source,
            before=there,
            after=after,
            content=world.pin_editor.write(content, after, path),
            values=values,
            source_release=release,
        )
    except FleetError as error:
        return error


def _wanted(world: World, app: str, source: str, wanted: str | None) -> Release | None:
    """Return the release to promote: what is pinned at the source, or the one that a person named.

    Raises:
        UsageError: the source never had the one that a person named.
    """
    if wanted is None:
        return release_of(world.fleet, source, app, repository=world.repository, loader=world.loader)
    there = [entry for entry in world.history(app) if entry.environment == source]
    entry = find_entry(there, wanted)
    if entry is None:
        known = list(dict.fromkeys(e.after.version for e in there if e.after is not None))[:5]
        raise UsageError(
            f"`{app}` never had a release `{wanted}` in `{source}`",
            code=NOT_THERE,
            hints=(f"it had {', '.join(f'`{v}`' for v in known)}" if known else "it had none",),
        )
    return entry.after


def differing(fleet: Fleet, source: str, to: str) -> tuple[str, ...]:
    """Return the apps that an environment has in another release than its source, or not at all."""
    follows = fleet.environments[source].spec.track is not None
    found = []
    for app in fleet.apps:
        there = pinned(fleet, source, app)
        tracked = follows and app in fleet.environments[source].pins
        if tracked or (there is not None and there != pinned(fleet, to, app)):
            found.append(app)
    return tuple(found)


def pinned(fleet: Fleet, environment: str, app: str) -> Release | None:
    """Return the release that is pinned in an environment."""
    pin = fleet.environments[environment].pins.get(app)
    return pin.release if pin is not None else None


def _no_release(fleet: Fleet, app: str, source: str) -> FleetError:
    first = fleet.environments[source].spec.promotes_from is None
    hint = f"fleet release {app} -e {source}" if first else f"fleet promote {app} --to {source}"
    return FleetError(
        f"`{app}` has no release in `{source}`, so there is nothing to promote", code=NO_RELEASE, hints=(hint,)
    )


def _targets_of(world: World, drafts: Mapping[str, Draft], source: str, to: str) -> list[Target]:
    """Return the targets that run the app in the source, and those that run an older release where it goes."""
    return [
        target
        for app in drafts
        for environment in (source, to)
        if app in world.fleet.environments[environment].pins
        for target in world.targets(environment, app)
    ]


def _pins_at_source(world: World, drafts: Mapping[str, Draft], source: str) -> dict[tuple[str, str], Pin]:
    """Return the pins of the source with the releases that move: another one may be pinned there by now."""
    place = world.fleet.environments[source]
    return {
        (source, app): place.pins.get(app, Pin()).model_copy(update={"release": draft.source_release})
        for app, draft in drafts.items()
        if draft.source_release is not None and draft.source_release != pinned(world.fleet, source, app)
    }


def _planned(world: World, app: str, to: str, draft: Draft | FleetError, states: DesiredTargets) -> Planned:
    if isinstance(draft, FleetError):
        return Planned(app, to, error=draft)
    try:
        return make_plan(draft, world, states)
    except FleetError as error:
        return Planned(app, to, error=error)


def _with_pull_request(planned: Planned, opened: Mapping[str, PullRequest]) -> Planned:
    """Return a plan with the pull request that is open for it."""
    return replace(planned, pull_request=opened.get(planned.plan.branch)) if planned.plan else planned


def _open_requests(forge: ForgeReader, branches: Sequence[str]) -> dict[str, PullRequest]:
    """Return the open pull requests of some branches."""
    if len(branches) == 1:
        found = forge.find_open(branches[0])
        return {found.branch: found} if found else {}
    wanted = set(branches)
    return {one.branch: one for one in forge.list() if one.branch in wanted}


def _tell_what_is_left_over(planned: Sequence[Planned], reporter: Reporter) -> None:
    """Warn of a pull request to another release, where the environment has the release of its source already."""
    for one in planned:
        if one.plan is not None and one.plan.nothing_to_do and one.pull_request is not None:
            number = one.pull_request.number
            text = f"pull request #{number} would still move `{one.app}`; close it with `fleet pr close {number}`"
            reporter.emit(Message(Level.WARN, text))
