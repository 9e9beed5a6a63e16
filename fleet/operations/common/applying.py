"""Works on one target: lease, engine, record, health. One instance serves all threads of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleet.engine.drift import Conceal, recorded_object
from fleet.engine.migrations import phases
from fleet.engine.plan_reconcile import UNFINISHED
from fleet.errors import ConflictError, FleetError, UnreachableError
from fleet.failpoints import failpoint
from fleet.model.durations import human
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.reconcile import Action, Outcome, PlannedTarget, TargetResult
from fleet.model.state import DesiredState, Migration, RecordedState
from fleet.operations.common.awaiting import await_health
from fleet.operations.common.execution import unreachable_result
from fleet.operations.common.migrating import Migrator
from fleet.operations.common.stopping import Stop
from fleet.ports.clock import Clock
from fleet.ports.cluster import Clusters
from fleet.ports.deployer import Deployer, DeployRequest, DeployResult
from fleet.ports.store import Lease, RecordStore


@dataclass(frozen=True)
class Worker:
    """Carries out what is planned for a target. Every foreseeable fault becomes a result, never an exception."""

    fleet: Fleet
    desired: Mapping[Target, DesiredState]
    recorded: Mapping[Target, RecordedState]
    """Records as they were when the plan was made."""
    run_id: str
    holder: str
    """Who holds the leases, for people who wait for one."""
    timeout: float
    """Seconds that a target may take to apply and to become healthy."""
    conceal: Conceal
    """Replaces Secret values by keyed hashes."""
    deployer: Deployer
    clusters: Clusters
    store: RecordStore
    clock: Clock
    stop: Stop

    def __call__(self, item: PlannedTarget) -> TargetResult:
        """Work on one target."""
        started = self.clock.monotonic()
        try:
            if item.action is Action.APPLY:
                result = self._apply(item, started)
            elif item.action is Action.REMOVE:
                result = self._remove(item)
            else:
                result = self._with_health(item, _result(item, Outcome.UNCHANGED), started)
        except ConflictError as error:
            result = _result(item, Outcome.BLOCKED, error.message, hint="\n".join(error.hints) or _again(item))
        except UnreachableError as error:
            result = unreachable_result(item, error.message)
        except FleetError as error:
            result = _result(item, Outcome.FAILED, error.message, hint="\n".join(error.hints) or _look(item))
        return result.model_copy(update={"duration": self.clock.monotonic() - started})

    def _apply(self, item: PlannedTarget, started: float) -> TargetResult:
        target = item.target
        desired = self.desired[target]
        failpoint("reconcile.before-lease")
        with self.store.lease(target, self.holder) as lease:
            failpoint("reconcile.after-lease")
            later = self._migrate(item, started)
            request = DeployRequest(
                desired=desired,
                cluster=self.fleet.clusters[target.cluster],
                timeout=self.timeout,
                fence=lease.fence,
                cancel=lease.lost,
            )
            failpoint("reconcile.before-deploy")
            deployed = self.deployer.deploy(request, _ignore)
            failpoint("reconcile.after-deploy")
            failpoint("reconcile.before-record")
            self._record(desired, deployed, lease, finished=not later)
            failpoint("reconcile.after-record")
        if deployed.unreachable:
            return unreachable_result(item, deployed.error)
        if deployed.error:
            return _result(item, Outcome.FAILED, deployed.error, deployed=deployed, hint=deployed.hint or _look(item))
        outcome = Outcome.UNCHANGED if deployed.changes.empty else Outcome.APPLIED
        result = self._with_health(item, _result(item, outcome, deployed=deployed), started)
        return self._finish(item, result, deployed, later, started) if later else result

    def _migrate(self, item: PlannedTarget, started: float) -> tuple[Migration, ...]:
        """Run the migrations that come before the objects; return those that come after them.

        Where this very release was applied to its end, none has to run again: only what drifted is put right.
        """
        desired = self.desired[item.target]
        known = self.recorded.get(item.target)
        if not desired.migrations or (known is not None and known.digest == desired.digest):
            return ()
        migrator = self._migrator(item, started)
        first, later = phases(desired.migrations, migrator.done())
        if first:
            migrator.prepare()
            migrator.run(first)
        return later

    def _finish(
        self,
        item: PlannedTarget,
        result: TargetResult,
        deployed: DeployResult,
        later: Sequence[Migration],
        started: float,
    ) -> TargetResult:
        """Run the migrations that come after the objects, once these are healthy, and record that all is done."""
        health = result.health
        if not result.ok or health is None or not health.exact or health.status is not HealthStatus.HEALTHY:
            return result
        try:
            with self.store.lease(item.target, self.holder) as lease:
                self._migrator(item, started).run(later)
                failpoint("reconcile.before-record")
                self._record(self.desired[item.target], deployed, lease)
                failpoint("reconcile.after-record")
        except UnreachableError:
            raise
        except FleetError as error:
            hint = "\n".join(error.hints) or _again(item)
            return result.model_copy(update={"outcome": Outcome.FAILED, "reason": error.message, "hint": hint})
        return result

    def _migrator(self, item: PlannedTarget, started: float) -> Migrator:
        return Migrator(
            self.desired[item.target],
            self.clusters.writer(item.target.cluster, self.fleet.clusters[item.target.cluster]),
            deadline=started + self.timeout,
            clock=self.clock,
            stop=self.stop,
        )

    def _record(self, desired: DesiredState, deployed: DeployResult, lease: Lease, *, finished: bool = True) -> None:
        """Write down what is on the cluster now, before anything is waited for.

        An apply that failed half-way is recorded too, under a digest that equals no desired one: what it did write is
        not drift, and the next run tries again. The same goes for a release that is not ``finished``, since migrations
        are still to be run.
        """
        objects = {o.ref.identity: recorded_object(o.ref, o.inputs, o.live, self.conceal) for o in deployed.objects}
        digest = desired.digest if finished else UNFINISHED
        if deployed.error:
            if not objects:
                return
            earlier = self.recorded.get(desired.target)
            kept = {o.ref.identity: o for o in earlier.objects} if earlier else {}
            objects = {**kept, **objects}
            digest = UNFINISHED
        self.store.record(
            RecordedState(
                target=desired.target,
                release=desired.release,
                digest=digest,
                applied_at=self.clock.now(),
                run_id=self.run_id,
                fence=lease.fence,
                objects=tuple(objects[identity] for identity in sorted(objects)),
            )
        )

    def _remove(self, item: PlannedTarget) -> TargetResult:
        target = item.target
        failpoint("reconcile.before-lease")
        with self.store.lease(target, self.holder) as lease:
            failpoint("reconcile.after-lease")
            cluster = self.fleet.clusters[target.cluster]
            failpoint("reconcile.before-deploy")
            removed = self.deployer.remove(target, cluster, self.timeout, lease.fence)
            failpoint("reconcile.after-deploy")
            if removed.unreachable:
                return unreachable_result(item, removed.error)
            if removed.error:
                return _result(item, Outcome.FAILED, removed.error, deployed=removed, hint=removed.hint or _again(item))
            failpoint("reconcile.before-record")
            self.store.forget(target, lease.fence)
            failpoint("reconcile.after-record")
        return _result(item, Outcome.REMOVED, deployed=removed)

    def _with_health(self, item: PlannedTarget, result: TargetResult, started: float) -> TargetResult:
        """Wait for the target's health, and say what it means for the result."""
        target = item.target
        reader = self.clusters.reader(target.cluster, self.fleet.clusters[target.cluster])
        health = await_health(
            reader,
            self.fleet.name,
            self.desired[target],
            deadline=started + self.timeout,
            clock=self.clock,
            stop=self.stop,
        )
        if health.status is HealthStatus.HEALTHY and health.exact:
            return result.model_copy(update={"health": health})
        if self.stop.requested and health.status is not HealthStatus.FAILED:
            # What was applied is recorded; whether it becomes healthy, the next run finds out.
            reason = f"interrupted before it was healthy: {health.reason}"
            return result.model_copy(update={"health": health, "reason": reason})
        reason = self._why_unhealthy(health)
        return result.model_copy(
            update={
                "outcome": Outcome.FAILED,
                "health": health,
                "reason": reason,
                "hint": _unhealthy_hint(item, health),
            }
        )

    def _why_unhealthy(self, health: TargetHealth) -> str:
        if health.status is HealthStatus.HEALTHY:
            return "something else than this release was applied meanwhile"
        if health.status is HealthStatus.FAILED:
            return f"failed: {health.reason}"
        return f"not healthy after {human(self.timeout)}: {health.reason}"


def _ignore(ref: ObjectRef, step: str) -> None:
    """Take the news of an object and do nothing: progress is told per target."""


def _result(
    item: PlannedTarget,
    outcome: Outcome,
    reason: str = "",
    *,
    deployed: DeployResult | None = None,
    hint: str | None = None,
) -> TargetResult:
    result = TargetResult(
        target=item.target,
        wave=item.wave,
        outcome=outcome,
        reason=reason or item.reason,
        release=item.release,
        hint=hint,
    )
    if deployed is None:
        return result
    return result.model_copy(update={"changes": deployed.changes, "warnings": deployed.warnings})


def _look(item: PlannedTarget) -> str:
    target = item.target
    return f"see what it would change: `fleet diff -e {target.environment} -c {target.cluster} -a {target.app}`"


def _again(item: PlannedTarget) -> str:
    target = item.target
    return f"try again: `fleet reconcile -e {target.environment} -c {target.cluster} -a {target.app}`"


def _unhealthy_hint(item: PlannedTarget, health: TargetHealth) -> str:
    """Return how to look at the first unhealthy object, and the way back."""
    target = item.target
    back = f"go back with `fleet rollback {target.app} --env {target.environment}`"
    first = next((o.ref for o in health.objects if o.status is not HealthStatus.HEALTHY), None)
    if first is None:
        return back
    namespace = f" -n {first.namespace}" if first.namespace else ""
    return (
        f"look at it: `kubectl describe {first.kind.lower()} {first.name}{namespace}` on `{target.cluster}`; or {back}"
    )
