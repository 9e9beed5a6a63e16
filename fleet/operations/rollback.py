"""Go back to an earlier release of an environment: a promotion backwards, by pull request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from fleet.engine.history import find_entry
from fleet.engine.names import require_known
from fleet.engine.plan_promotion import branch_name, pin_path
from fleet.engine.returning import Return, earlier_release
from fleet.errors import FleetError, UsageError
from fleet.model.promotion import HistoryEntry, PromotionKind, PromotionPlan, PromotionResult
from fleet.model.release import Release
from fleet.model.restriction import Hold, Rejection
from fleet.operations.common.deciding import NOTHING_RENDERED, Wishes, judged, observed
from fleet.operations.common.history import pin_history
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observing import Senses
from fleet.operations.common.planning import Draft, Planned, World, make_plan
from fleet.operations.common.promotion import carry_out
from fleet.operations.common.reasons import checked_reason
from fleet.operations.common.verified import known_healthy
from fleet.operations.common.withdrawing import bringing, proposed, withdraw
from fleet.ports.clock import Clock
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.forge import Forge, ForgeReader
from fleet.ports.ledger import LedgerReader, LedgerWriter
from fleet.ports.renderer import Renderer
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader, RepositoryWriter
from fleet.ports.restrictions import RestrictionWriter

NO_EARLIER = "FLT-PRM-030"
NOT_IN_HISTORY = "FLT-PRM-031"
NOT_THERE = "FLT-PRM-032"
_LISTED = 5


@dataclass(frozen=True)
class Prepared:
    """The plan, and the fleet that it was made of."""

    world: World
    planned: Planned


@dataclass(frozen=True)
class Aftercare:
    """What is done beside the rollback itself, so that it is not undone by the next promotion."""

    hold: bool = True
    """Hold the app in the environment until somebody releases it."""
    reject: bool = False
    """Reject the release that it goes back from, everywhere."""
    reason: str = ""
    """Why, for the record; a rejection needs it."""


def prepare(
    app: str,
    environment: str,
    to: str | None = None,
    wishes: Wishes | None = None,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    senses: Senses,
    forge: ForgeReader,
    pin_editor: PinEditor,
    ledger: LedgerReader,
    branch: str,
) -> Prepared:
    """Return what going back would do. Writes nothing.

    The health of anything does not hold a rollback: it is what one does when nothing is healthy.

    Args:
        app: name of the app.
        environment: the environment that goes back.
        to: version, or commit of the history or of the release; None: the last one before the present
            release that is not rejected and was not gone back from.
        wishes: what a person asked for beside that.
        repository: the fleet and its history.
        loader: reads it.
        renderer: renders both sides.
        senses: where to look for what gates need.
        forge: asked for a pull request that is open already.
        pin_editor: restores the release block, byte for byte.
        ledger: tells which releases were healthy there.
        branch: the protected branch.

    Raises:
        UsageError: a name is not known, or no such release was ever there.
        FleetError: there was no earlier release.
        ConfigError: the fleet cannot be loaded, or the earlier release cannot be rendered any more.
    """
    fleet, tree = load_fleet(repository, loader, branch)
    world = World(fleet, tree, repository, loader, renderer, pin_editor, branch)
    require_known("environment", environment, fleet.environments)
    pin = fleet.environments[environment].pins.get(app)
    if pin is None or pin.release is None:
        require_known("app", app, fleet.apps)
        raise FleetError(
            f"`{app}` has no release in `{environment}`", code=NOT_THERE, hints=(f"fleet history {environment}",)
        )
    history = tuple(
        pin_history(world.base, repository=repository, pin_editor=pin_editor, environment=environment, app=app)
    )
    if to:
        chosen = Return(_wanted(history, app, environment, to))
    else:
        healthy = _known_healthy(environment, app, ledger)
        chosen = _earlier(history, app, environment, pin.release, senses, healthy)
    entry = chosen.entry
    path = pin_path(environment, app)
    content = tree.read(path)
    release = _release(entry)
    if release != pin.release:
        content = pin_editor.restore(content, repository.read_file(entry.commit, path), path)
    draft = Draft(
        kind=PromotionKind.ROLLBACK,
        app=app,
        environment=environment,
        before=pin.release,
        after=release,
        content=content,
        distance="; ".join((_distance(history, entry), *chosen.passed_over)),
    )
    made = make_plan(draft, world)
    observations = observed(world, [made], NOTHING_RENDERED, senses)
    opened = forge.find_open(branch_name(PromotionKind.ROLLBACK, environment, app))
    return Prepared(world, replace(judged(made, world, observations, wishes), pull_request=opened))


def execute(
    prepared: Prepared,
    aftercare: Aftercare | None = None,
    *,
    repository: RepositoryWriter,
    forge: Forge,
    ledger: LedgerWriter,
    restrictions: RestrictionWriter,
    reporter: Reporter,
    clock: Clock,
) -> PromotionResult:
    """Hold the app, reject the release that it goes back from if that is wanted, and open the pull request.

    The pull request comes last: once it is there, nothing is left to do. The process may die before or after each of
    these writes; the same command again finds what is there, and does the rest.

    Raises:
        FleetError: git or the forge refused.
    """
    wanted, plan = aftercare or Aftercare(), prepared.planned.plan
    carry = partial(
        carry_out,
        prepared.planned,
        prepared.world,
        repository=repository,
        forge=forge,
        ledger=ledger,
        reporter=reporter,
    )
    if plan is None or not prepared.planned.ready:
        return carry()
    held = restrictions.hold(_hold(plan, wanted, repository, clock), keep=True).value if wanted.hold else None
    rejection: Rejection | None = None
    withdrawn: tuple[int, ...] = ()
    if wanted.reject:
        rejection = restrictions.reject(_rejection(plan, wanted, repository, clock)).value
        requests = proposed(forge.list(), plan.app, repository=repository, pin_editor=prepared.world.pin_editor)
        bad = bringing(requests, rejection.version, rejection.revision)
        withdrawn = tuple(p.number for p in withdraw(bad, rejection, forge=forge, reporter=reporter))
    return carry().model_copy(update={"hold": held, "rejection": rejection, "withdrawn": withdrawn})


def _hold(plan: PromotionPlan, wanted: Aftercare, repository: RepositoryReader, clock: Clock) -> Hold:
    was = f" from {plan.before.version}" if plan.before else ""
    return Hold(
        app=plan.app,
        environment=plan.environment,
        owner=repository.identity,
        reason=checked_reason(wanted.reason) if wanted.reason else f"rolled back{was} to {plan.after.version}",
        created=clock.now().replace(microsecond=0),
    )


def _rejection(plan: PromotionPlan, wanted: Aftercare, repository: RepositoryReader, clock: Clock) -> Rejection:
    assert plan.before is not None  # noqa: S101 - what goes back has a release
    return Rejection(
        app=plan.app,
        version=plan.before.version,
        revision=plan.before.revision,
        owner=repository.identity,
        reason=checked_reason(wanted.reason),
        created=clock.now().replace(microsecond=0),
    )


def _wanted(history: tuple[HistoryEntry, ...], app: str, environment: str, to: str) -> HistoryEntry:
    entry = find_entry(history, to)
    if entry is None:
        known = list(dict.fromkeys(e.after.version for e in history if e.after is not None))
        listed = ", ".join(f"`{version}`" for version in known[:_LISTED])
        raise UsageError(
            f"`{app}` never had a release `{to}` in `{environment}`",
            code=NOT_IN_HISTORY,
            hints=(f"it had {listed}" if listed else "it had none", f"fleet history {environment} -a {app}"),
        )
    return entry


def _known_healthy(environment: str, app: str, ledger: LedgerReader) -> tuple[Release, ...] | None:
    """Return releases that were healthy there, as far as the ledger tells."""
    try:
        return known_healthy(environment, app, ledger=ledger)
    except FleetError:
        return None


def _earlier(
    history: tuple[HistoryEntry, ...],
    app: str,
    environment: str,
    present: Release,
    senses: Senses,
    healthy: tuple[Release, ...] | None,
) -> Return:
    """Return the last release that is fit to go back to.

    Where rejections cannot be read, the gate that asks for them holds the rollback.
    """
    try:
        read = senses.restrictions.read().rejections
    except FleetError:
        read = ()
    found = earlier_release(history, present, [one for one in read if one.app == app], healthy)
    if found is None:
        raise FleetError(
            f"`{app}` had no earlier release in `{environment}` to go back to",
            code=NO_EARLIER,
            hints=(f"fleet history {environment} -a {app}", "name one that was there with `--to VERSION`"),
        )
    return found


def _release(entry: HistoryEntry) -> Release:
    assert entry.after is not None  # noqa: S101  # entries without a release are never chosen
    return entry.after


def _distance(history: tuple[HistoryEntry, ...], entry: HistoryEntry) -> str:
    """Return how far it goes back. Times are absolute, so that the same rollback has the same text tomorrow."""
    back = next(number for number, one in enumerate(history) if one.commit == entry.commit)
    if back == 0:
        return "what is there now"
    count = "1 change back" if back == 1 else f"{back} changes back"
    since, until = entry.time, history[back - 1].time
    return f"{count}: what was there from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
