"""Windows of the environment where a release goes: when promotions may land, and when they may not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from fleet.engine.gates.case import MERGE, OPEN, Case
from fleet.engine.recurrence import zone_of
from fleet.engine.windows import HORIZON, Opening, opening
from fleet.model.gate import GateResult, Verdict
from fleet.model.policy import WindowSpec
from fleet.model.promotion import PromotionKind


def judge(case: Case) -> Iterator[GateResult]:
    """Yield whether the policy's windows let a change land now. A rollback may always land.

    The merge is held, not the pull request: it can be prepared and reviewed during a freeze.
    """
    windows = case.policy.windows
    if not windows or case.kind is PromotionKind.ROLLBACK:
        return
    name, holds = f"window({case.environment})", OPEN if case.direct else MERGE
    try:
        found = opening(windows, case.fleet.calendars, case.now)
    except ValueError as error:
        reason = f"the windows cannot be read: {error}"
        yield GateResult(name=name, verdict=Verdict.PENDING, reason=reason, holds=holds, hint="fleet validate")
        return
    if found.open:
        yield GateResult(name=name, verdict=Verdict.PASSED, reason=_passed(found), holds=holds, since=found.since)
        return
    yield GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason=_held(found),
        holds=holds,
        since=found.since,
        clears="time",
        earliest=found.until,
    )


def _passed(found: Opening) -> str:
    until = f" until {_at(found.until, found.windows[:1])}" if found.until is not None else ""
    if found.windows:
        return f"inside of {_names(found.windows)}{until}"
    return f"no freeze{until}"


def _held(found: Opening) -> str:
    frozen = found.windows[0].kind == "freeze"
    reason = f"frozen by {_names(found.windows)}" if frozen else f"outside of {_names(found.windows)}"
    if found.until is None:
        reason += f"; it does not open within {HORIZON.days} days"
    else:
        reason += f"{' until' if frozen else '; opens'} {_at(found.until, found.windows)}"
    messages = list(dict.fromkeys(" ".join(w.message.split()) for w in found.windows if w.message.strip()))
    return f"{reason}: {'; '.join(messages)}" if messages else reason


def _names(windows: tuple[WindowSpec, ...]) -> str:
    return " and ".join(f"`{window.name}`" for window in windows)


def _at(time: datetime, windows: tuple[WindowSpec, ...]) -> str:
    """Return a time as the people who wrote the window read it."""
    zone = windows[0].time_zone if windows else "UTC"
    return f"{time.astimezone(zone_of(zone)):%a %Y-%m-%d %H:%M} {zone}"
