"""Waits until time has cleared the gates that only time clears, by looking again and again. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from fleet.model.events import Level, Message
from fleet.model.gate import GateResult, Verdict
from fleet.operations.common.planning import Planned
from fleet.ports.clock import Clock
from fleet.ports.reporter import Reporter

First = TypeVar("First")

SHORTEST, LONGEST = 2.0, 60.0
"""Seconds between two looks: they double, and something else may have changed before time is up."""


def until_time_has_passed(
    prepare: Callable[[], First],
    planned_of: Callable[[First], Sequence[Planned]],
    timeout: float,
    *,
    clock: Clock,
    sleep: Callable[[float], None],
    reporter: Reporter,
) -> First:
    """Return what was prepared when nothing was left that time alone will clear, or when the timeout was over.

    Args:
        prepare: looks at everything anew.
        planned_of: the promotions in it.
        timeout: seconds to wait at most.
        clock: tells when a gate can pass.
        sleep: lets seconds go by.
        reporter: is told what is waited for, each time that it changes.
    """
    end, pause, told = clock.monotonic() + timeout, SHORTEST, ""
    while True:
        prepared = prepare()
        waiting = [(one.app, gate) for one in planned_of(prepared) for gate in cleared_by_time(one)]
        left = end - clock.monotonic()
        if not waiting or left <= 0:
            return prepared
        text = _text(waiting)
        if text != told:
            reporter.emit(Message(Level.WAIT, text))
            told = text
        sleep(min(left, _pause(pause, (gate.earliest for _, gate in waiting), clock.now())))
        pause = min(pause * 2, LONGEST)


def cleared_by_time(planned: Planned) -> tuple[GateResult, ...]:
    """Return the gates that keep a pull request from being opened and only need time; none if another one says no."""
    held = planned.plan.blocked_by if planned.plan is not None and not planned.plan.nothing_to_do else ()
    if any(gate.verdict is Verdict.FAILED for gate in held):
        return ()
    return tuple(gate for gate in held if gate.clears == "time")


def _pause(pause: float, times: Iterable[datetime | None], now: datetime) -> float:
    """Return the seconds to the next look: when a gate can pass, or earlier."""
    ahead = [max((time - now).total_seconds(), 0.1) for time in times if time is not None]
    return min([pause, *ahead])


def _text(waiting: Sequence[tuple[str, GateResult]]) -> str:
    """Return what is waited for. It holds no amount of time, so that it is told once."""
    parts = []
    for app, gate in waiting:
        if gate.earliest is not None:
            parts.append(f"{app}: {gate.name} passes at {gate.earliest:%Y-%m-%d %H:%M:%S} UTC")
        else:
            parts.append(f"{app}: {gate.name}: {gate.reason}")
    return f"waiting for time to pass: {'; '.join(parts)}"
