"""Runs the planned targets side by side, as the roll-out allows, and collects how each ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread

from fleet.engine.plan_reconcile import catch_up
from fleet.engine.waves import Held, Rollout, Stand
from fleet.model.events import Level, Message, TargetFinished, TargetStarted
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.reconcile import Action, Outcome, PlannedTarget, TargetResult
from fleet.operations.common.stopping import Stop
from fleet.ports.reporter import Reporter

Work = Callable[[PlannedTarget], TargetResult]
"""Does what is planned for one target; called from several threads, raises only for bugs."""


@dataclass(slots=True)
class Execution:
    """How the targets ended, by target, and whether a person stopped it."""

    results: dict[Target, TargetResult] = field(default_factory=dict)
    interrupted: bool = False
    bug: BaseException | None = None
    """The first exception that is no :class:`fleet.errors.FleetError`."""


class Executor:
    """One execution. The calling thread coordinates, daemon threads work: a second Ctrl-C really stops.

    Args:
        work: what to do with one target.
        rollout: says which target may start next.
        reporter: is told each start and end.
        parallelism: how many targets are worked on at the same time.
        fail_fast: start nothing more after the first target that ends badly.
        stop: a wish to stop; what runs is finished, the rest is held.
    """

    def __init__(
        self,
        work: Work,
        rollout: Rollout,
        *,
        reporter: Reporter,
        parallelism: int,
        fail_fast: bool,
        stop: Stop,
    ) -> None:
        self._work = work
        self._rollout = rollout
        self._reporter = reporter
        self._parallelism = parallelism
        self._fail_fast = fail_fast
        self._stop = stop
        self._inbox: SimpleQueue[PlannedTarget] = SimpleQueue()
        self._outbox: SimpleQueue[tuple[PlannedTarget, TargetResult | BaseException] | None] = SimpleQueue()
        self._threads = 0
        self._running = 0
        self._unreachable: dict[str, str] = {}
        self._execution = Execution()

    def run(self, planned: Iterable[PlannedTarget]) -> Execution:
        """Work on these targets until each ended or is held."""
        plans = {item.target: item for item in planned}
        self._stop.on_request(lambda: self._outbox.put(None))
        if self._stop.requested:
            self._interrupt(plans)
        while True:
            self._hold(self._rollout.take_held(), plans)
            self._start(plans)
            self._hold(self._rollout.take_held(), plans)
            if not self._running:
                return self._execution
            answer = self._outbox.get()
            if answer is None:
                self._interrupt(plans)
            else:
                self._running -= 1
                self._collect(*answer, plans)

    def _start(self, plans: dict[Target, PlannedTarget]) -> None:
        while self._running < self._parallelism:
            target = self._rollout.take()
            if target is None:
                return
            item = plans[target]
            if target.cluster in self._unreachable:
                self._finish(item, unreachable_result(item, self._unreachable[target.cluster]))
                continue
            self._reporter.emit(TargetStarted(target, item.wave))
            self._running += 1
            if self._running > self._threads:
                self._threads += 1
                Thread(target=self._serve, name=f"target-{self._threads}", daemon=True).start()
            self._inbox.put(item)

    def _serve(self) -> None:
        while True:
            item = self._inbox.get()
            try:
                answer: TargetResult | BaseException = self._work(item)
            except BaseException as error:  # a bug in one target must not silence the others
                answer = error
            self._outbox.put((item, answer))

    def _collect(
        self, item: PlannedTarget, answer: TargetResult | BaseException, plans: dict[Target, PlannedTarget]
    ) -> None:
        if isinstance(answer, BaseException):
            self._execution.bug = self._execution.bug or answer
            reason = f"unexpected {type(answer).__name__}: this is a bug in fleet"
            answer = TargetResult(target=item.target, wave=item.wave, outcome=Outcome.FAILED, reason=reason)
        self._finish(item, answer)
        if answer.outcome is Outcome.UNREACHABLE:
            self._unreachable.setdefault(item.target.cluster, answer.reason)
        if not answer.ok and self._fail_fast:
            self._hold(self._rollout.stop(f"not started: `{item.target}` failed, and --fail-fast was given"), plans)

    def _finish(self, item: PlannedTarget, result: TargetResult) -> None:
        self._execution.results[item.target] = result
        self._reporter.emit(TargetFinished(result))
        self._rollout.finish(item.target, stand_of(result), result.reason)

    def _hold(self, held: Iterable[Held], plans: dict[Target, PlannedTarget]) -> None:
        for one in held:
            item = plans[one.target]
            result = TargetResult(
                target=item.target,
                wave=item.wave,
                outcome=Outcome.BLOCKED,
                reason=one.reason,
                release=item.release,
                hint=f"when that is mended: `fleet reconcile -e {item.target.environment} -a {item.target.app}`",
            )
            self._execution.results[item.target] = result
            self._reporter.emit(TargetFinished(result))

    def _interrupt(self, plans: dict[Target, PlannedTarget]) -> None:
        self._execution.interrupted = True
        held = self._rollout.stop("not started: interrupted")
        text = (
            f"stopping: {self._running} running to finish, {len(held)} not started; press Ctrl-C again to stop at once"
        )
        self._reporter.emit(Message(Level.WARN, text))
        self._hold(held, plans)


def unreachable_result(item: PlannedTarget, reason: str, *, duration: float = 0.0) -> TargetResult:
    """Return the result of a target whose cluster cannot be reached."""
    return TargetResult(
        target=item.target,
        wave=item.wave,
        outcome=Outcome.UNREACHABLE,
        reason=reason,
        release=item.release,
        duration=duration,
        hint=catch_up(item.target),
    )


def stand_of(result: TargetResult) -> Stand:
    """Return what a result means for later waves. Only what was observed healthy is verified."""
    if result.outcome is Outcome.UNREACHABLE:
        return Stand.QUARANTINED
    if result.outcome is Outcome.REMOVED:
        return Stand.VERIFIED
    health = result.health
    if result.ok and health is not None and health.exact and health.status is HealthStatus.HEALTHY:
        return Stand.VERIFIED
    return Stand.BROKEN


def works(action: Action) -> bool:
    """Say whether an action is executed (the others are settled by the plan)."""
    return action in (Action.APPLY, Action.AWAIT, Action.REMOVE)
