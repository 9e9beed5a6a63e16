"""Reconcile: make live state equal desired state. First the plan, from readers only; then its execution."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fleet.engine.drift import Conceal, drift_of
from fleet.engine.plan_reconcile import Facts, Place, plan_reconcile
from fleet.engine.selection import Selection, covered, select
from fleet.engine.waves import Rollout
from fleet.model.change import ChangeSet
from fleet.model.durations import seconds
from fleet.model.events import Level, Message, Started
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.reconcile import Action, Outcome, PlannedTarget, ReconcilePlan, Run, TargetResult
from fleet.model.state import DesiredState, RecordedState
from fleet.operations.common.applying import Worker
from fleet.operations.common.desired import DesiredTargets, desired_states
from fleet.operations.common.execution import Execution, Executor, unreachable_result, works
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observe import Observation, observe
from fleet.operations.common.previewing import Preview, Previewer
from fleet.operations.common.rollouts import earlier_waves, limits, members, needed_for_gates, wave_name
from fleet.operations.common.stopping import Stop
from fleet.operations.common.verified import remember_healthy
from fleet.ports.clock import Clock
from fleet.ports.cluster import Clusters
from fleet.ports.config import FleetLoader
from fleet.ports.deployer import Deployer
from fleet.ports.ledger import LedgerWriter
from fleet.ports.renderer import Renderer
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader
from fleet.ports.store import RecordReader, RecordStore


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asked for."""

    selection: Selection = field(default_factory=Selection)
    revision: str | None = None
    """Commit to reconcile instead of the head of the protected branch."""
    drift_check: bool = True
    """Whether live state is read to find drift. Without it, a target with an unchanged digest is not looked at."""
    remove: bool = False
    """Whether targets that are not declared any more are removed."""
    keep_objects: bool = False
    """Whether a target is refused, rather than applied, where objects of it would be deleted."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and everything that its execution reads."""

    fleet: Fleet
    plan: ReconcilePlan
    origin: str
    desired: Mapping[Target, DesiredState] = field(repr=False)
    recorded: Mapping[Target, RecordedState] = field(repr=False)
    observation: Observation = field(repr=False)
    drift: Mapping[Target, ChangeSet] = field(repr=False)
    peers: tuple[Target, ...] = ()
    """Targets of earlier waves that were not selected: nothing is done with them, but later waves rely on them."""


def prepare(
    options: Options,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    clusters: Clusters,
    store: RecordReader,
    stacks: Callable[[], Sequence[Target]],
    branch: str,
    conceal: Conceal,
    reporter: Reporter,
) -> Prepared:
    """Return what a reconcile would do, without doing it. Only readers are used.

    Raises:
        ConfigError: the fleet cannot be loaded.
        UsageError: the selection names something that is not there.
    """
    fleet, tree = load_fleet(repository, loader, branch, revision=options.revision)

    def desired_of(targets: Sequence[Target]) -> DesiredTargets:
        return desired_states(fleet, targets, tree=tree, repository=repository, loader=loader, renderer=renderer)

    return assess(
        options,
        fleet,
        desired_of,
        clusters=clusters,
        store=store,
        stacks=stacks(),
        conceal=conceal,
        reporter=reporter,
    )


def assess(
    options: Options,
    fleet: Fleet,
    desired_of: Callable[[Sequence[Target]], DesiredTargets],
    *,
    clusters: Clusters,
    store: RecordReader,
    stacks: Iterable[Target],
    conceal: Conceal,
    reporter: Reporter,
) -> Prepared:
    """Return what a reconcile of a loaded fleet would do: compares desired, recorded and live state."""
    digests = store.digests()
    declared = set(fleet.targets())
    strangers = sorted({*digests, *stacks} - declared)
    selected = select(fleet, options.selection, known=strangers)
    stale = covered(fleet, options.selection, strangers)
    peers = earlier_waves(fleet, selected)
    states = desired_of((*selected, *peers))
    changed = [t for t, state in states.states.items() if digests.get(t) != state.digest]
    looked_at = set(states.states) if options.drift_check else needed_for_gates(fleet, changed, states.states)
    recorded = store.recorded(sorted({t for t in (*looked_at, *changed) if t in digests}))
    observation = observe(
        fleet,
        {t: s for t, s in states.states.items() if t in looked_at},
        clusters=clusters,
        recorded={t: r for t, r in recorded.items() if t in looked_at},
    )
    found = {
        t: drift_of(recorded[t], live, conceal, fleet.name) for t, live in observation.live.items() if t in recorded
    }
    facts = Facts(
        targets=[Place(t, wave_name(fleet, t)) for t in selected],
        desired=states.states,
        problems=states.problems,
        digests=digests,
        recorded=recorded,
        drift={t: d.changes for t, d in found.items()},
        superseded=frozenset(t for t, d in found.items() if d.superseded),
        health=observation.health if options.drift_check else {},
        unreachable=observation.unreachable,
        stale=stale,
        clusters=frozenset(fleet.clusters),
        kept=_would_delete(states.states, recorded) if options.keep_objects else {},
    )
    plan = plan_reconcile(fleet.revision or "", facts, remove=options.remove)
    for reason in observation.unreachable.values():
        reporter.emit(Message(Level.WARN, reason))
    return Prepared(
        fleet=fleet,
        plan=plan,
        origin=fleet.origin,
        desired=states.states,
        recorded=recorded,
        observation=observation,
        drift={t: d.changes for t, d in found.items()},
        peers=peers,
    )


def execute(
    prepared: Prepared,
    *,
    by: str,
    deployer: Deployer,
    clusters: Clusters,
    store: RecordStore,
    clock: Clock,
    conceal: Conceal,
    reporter: Reporter,
    stop: Stop,
    ledger: LedgerWriter | None = None,
    parallelism: int | None = None,
    timeout: float | None = None,
    fail_fast: bool = False,
) -> Run:
    """Carry out a plan, and return (and save) what came of it.

    A fault of one target is a result, never an exception.
    """
    fleet, plan = prepared.fleet, prepared.plan
    started = clock.now()
    run = Run(id=new_run_id(started), revision=plan.revision, started=started, by=by)
    work = [item for item in plan.targets if works(item.action)]
    execution = Execution()
    if work:
        reporter.emit(Started("reconcile", len(work)))
        worker = Worker(
            fleet=fleet,
            desired=prepared.desired,
            recorded=prepared.recorded,
            run_id=run.id,
            holder=f"{by} in run {run.id}" if by else f"run {run.id}",
            timeout=timeout or seconds(fleet.file.engine.timeout),
            conceal=conceal,
            deployer=deployer,
            clusters=clusters,
            store=store,
            clock=clock,
            stop=stop,
        )
        executor = Executor(
            worker,
            Rollout(members(fleet, plan, prepared.observation, prepared.peers, prepared.desired), limits(fleet)),
            reporter=reporter,
            parallelism=parallelism or fleet.file.engine.parallelism,
            fail_fast=fail_fast,
            stop=stop,
        )
        execution = executor.run(work)
    run = run.model_copy(
        update={
            "finished": clock.now(),
            "interrupted": execution.interrupted,
            "results": tuple(_results(prepared, execution.results)),
        }
    )
    store.save_run(run)
    if ledger is not None:
        seen = {r.target: r.health for r in run.results if r.health is not None}
        health = {**prepared.observation.health, **seen}
        remember_healthy(fleet, prepared.desired, health, ledger=ledger, reporter=reporter)
    if execution.bug is not None:
        raise execution.bug
    return run


def preview(
    prepared: Prepared,
    *,
    by: str,
    previewer: Previewer,
    clock: Clock,
    reporter: Reporter,
    parallelism: int | None = None,
) -> Run:
    """Return what a plan would change, by server-side dry run. Nothing is written, not even a run record."""
    started = clock.now()
    changing = [item for item in prepared.plan.targets if item.action is Action.APPLY]
    if changing:
        reporter.emit(Started("dry run", len(changing)))
    previews = previewer.previews(
        [prepared.desired[item.target] for item in changing],
        parallelism or prepared.fleet.file.engine.parallelism,
        reporter,
    )
    results = {item.target: _previewed(item, previews[item.target]) for item in changing}
    for item in prepared.plan.having(Action.REMOVE):
        results[item.target] = _settled(item, Outcome.PLANNED)
    return Run(
        id=new_run_id(started),
        revision=prepared.plan.revision,
        started=started,
        finished=clock.now(),
        by=by,
        dry_run=True,
        results=tuple(_results(prepared, results)),
    )


def new_run_id(now: datetime) -> str:
    """Return the name of a run that starts now: sortable by time, unique among those of the same second."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def _previewed(item: PlannedTarget, preview: Preview) -> TargetResult:
    if preview.unreachable:
        return unreachable_result(item, preview.error)
    news = {"changes": preview.changes, "warnings": preview.warnings}
    if preview.error:
        why = {"reason": preview.error, "hint": preview.hint or None}
        return _settled(item, Outcome.FAILED).model_copy(update=news | why)
    return _settled(item, Outcome.PLANNED).model_copy(update=news)


def _would_delete(
    desired: Mapping[Target, DesiredState], recorded: Mapping[Target, RecordedState]
) -> dict[Target, int]:
    """Return how many recorded objects of each target are not desired any more."""
    found = {}
    for target, record in recorded.items():
        if target in desired:
            wanted = {ObjectRef.of(manifest).identity for manifest in desired[target].objects}
            found[target] = sum(1 for item in record.objects if item.ref.identity not in wanted)
    return found


def _results(prepared: Prepared, worked: Mapping[Target, TargetResult]) -> Iterable[TargetResult]:
    """Yield the result of every target in the order of the plan; what was settled by the plan included."""
    for item in prepared.plan.targets:
        if item.target in worked:
            yield worked[item.target]
        elif item.action in (Action.SKIP, Action.AWAIT):
            health = prepared.observation.health.get(item.target)
            yield _settled(item, Outcome.UNCHANGED).model_copy(update={"health": health})
        elif item.action is Action.REFUSE:
            if item.unreachable:
                yield unreachable_result(item, item.reason)
            else:
                yield _settled(item, Outcome.INVALID if item.problems else Outcome.BLOCKED)


def _settled(item: PlannedTarget, outcome: Outcome) -> TargetResult:
    return TargetResult(
        target=item.target,
        wave=item.wave,
        outcome=outcome,
        reason=item.reason,
        release=item.release,
        problems=item.problems,
        hint=item.hint,
    )
