"""When promotions may land: allow and freeze windows, as intervals of time. Pure.

A window begins at a local wall time and lasts an elapsed time; days of a calendar begin and end at local midnight. What
happens when clocks change says :mod:`fleet.engine.recurrence`. Intervals hold their start and not their end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from fleet.engine.calendars import LONGEST, read_calendar
from fleet.engine.recurrence import YEARS, beginnings, never, parse_rule, zone_of
from fleet.model.durations import seconds
from fleet.model.policy import WindowSpec

HORIZON = timedelta(days=400)
"""How far back and ahead windows are looked at."""


class Interval(NamedTuple):
    """A time from its start up to, and without, its end. In UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether promotions may land at a time, and why."""

    open: bool
    since: datetime | None
    """Since when that is so; None: longer than anybody looked back."""
    until: datetime | None
    """When that changes; None: not within the horizon."""
    windows: tuple[WindowSpec, ...]
    """The windows that make it so: the freezes, or the allow windows that are open, or all that are not."""


def opening(windows: Sequence[WindowSpec], calendars: Mapping[str, str], at: datetime) -> Opening:
    """Return whether promotions may land at a time.

    Args:
        windows: the policy.
        calendars: content of the calendars that windows name, by path.
        at: the time.

    Raises:
        ValueError: a window cannot be used.
    """
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # all of a day asks for the same
    texts = tuple(calendars.get(w.calendar or "", "") for w in windows)
    found = _timetable(tuple(windows), texts, Interval(day - HORIZON, day + HORIZON))
    frozen = tuple(w for w, times in zip(windows, found.times, strict=True) if w.kind == "freeze" and _at(times, at))
    allowing = [(w, times) for w, times in zip(windows, found.times, strict=True) if w.kind == "allow"]
    number = bisect_right(found.free, at, key=lambda one: one.start) - 1
    inside = found.free[number] if number >= 0 and at < found.free[number].end else None
    if inside is not None:
        since = inside.start if inside.start > found.span.start else None
        until = inside.end if inside.end < found.span.end else None
        return Opening(True, since, until, tuple(w for w, times in allowing if _at(times, at)))
    since = found.free[number].end if number >= 0 else None
    until = found.free[number + 1].start if number + 1 < len(found.free) else None
    return Opening(False, since, until, frozen or tuple(w for w, _ in allowing))


def occurrences(window: WindowSpec, calendar: str, span: Interval) -> tuple[Interval, ...]:
    """Return the times of a window that touch a time, merged and in order.

    Raises:
        ValueError: the window cannot be used.
    """
    return tuple(_occurrences(window, calendar, span))


def check_window(window: WindowSpec) -> tuple[str, str] | None:
    """Return the key that is wrong in a window, and what is wrong; None if nothing is. Calendars are not looked at."""
    try:
        zone_of(window.time_zone)
    except ValueError as error:
        return "time_zone", str(error)
    return _calendar_keys(window) if window.calendar is not None else _own_keys(window)


def _calendar_keys(window: WindowSpec) -> tuple[str, str] | None:
    for key in ("starts", "duration", "repeats"):
        if getattr(window, key) is not None:
            return key, f"the window `{window.name}` has a calendar, which says when; it cannot have `{key}` too"
    return None


def _own_keys(window: WindowSpec) -> tuple[str, str] | None:
    if window.starts is None or window.duration is None:
        return "name", f"the window `{window.name}` needs `starts` and `duration`, or a `calendar`"
    try:
        first = _first(window.starts)
    except ValueError as error:
        return "starts", str(error)
    if not 0 < seconds(window.duration) <= LONGEST.total_seconds():
        return "duration", f"a window lasts longer than nothing and at most {LONGEST.days} days"
    if window.repeats is not None:
        try:
            if never(parse_rule(window.repeats), first):
                return "repeats", f"`{window.repeats}` never happens"
        except ValueError as error:
            return "repeats", f"`{window.repeats[:80]}` is not a usable recurrence rule: {error}"
    return None


class _Timetable(NamedTuple):
    """When each window is, and when promotions may land, in order."""

    span: Interval
    times: tuple[tuple[Interval, ...], ...]
    free: tuple[Interval, ...]


@lru_cache(maxsize=64)
def _timetable(windows: tuple[WindowSpec, ...], calendars: tuple[str, ...], span: Interval) -> _Timetable:
    times = tuple(occurrences(window, text, span) for window, text in zip(windows, calendars, strict=True))
    allows = [one for w, found in zip(windows, times, strict=True) if w.kind == "allow" for one in found]
    if not any(w.kind == "allow" for w in windows):
        allows = [span]
    freezes = list(_merged(one for w, found in zip(windows, times, strict=True) if w.kind == "freeze" for one in found))
    clipped = (Interval(max(one.start, span.start), min(one.end, span.end)) for one in _merged(allows))
    return _Timetable(span, times, tuple(left for one in clipped for left in _without(one, freezes)))


def _occurrences(window: WindowSpec, calendar: str, span: Interval) -> Iterator[Interval]:
    """Yield the times of a window that touch a time."""
    after = span.start - LONGEST
    if window.calendar is not None:
        events = read_calendar(calendar, window.time_zone)
        found = _merged(Interval(*times) for e in events for times in e.occurrences(after, span.end))
    else:
        found = _merged(_own_times(window, after, span.end))
    return (one for one in found if one.end > span.start and one.start < span.end)


def _own_times(window: WindowSpec, after: datetime, before: datetime) -> Iterator[Interval]:
    wrong = check_window(window)
    if wrong is not None:
        raise ValueError(wrong[1])
    length = timedelta(seconds=seconds(window.duration or ""))
    rule = parse_rule(window.repeats) if window.repeats is not None else None
    for _, start in beginnings(rule, _first(window.starts or ""), zone_of(window.time_zone), after, before):
        yield Interval(start, start + length)


def _first(text: str) -> datetime:
    try:
        first = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text[:40]}` is not a local date and time, like `2026-01-05T09:00`") from None
    if first.tzinfo is not None:
        raise ValueError("`starts` is a local time: leave out the offset, and name a `timeZone`")
    if first.year not in YEARS:
        raise ValueError(f"`starts` is in a year from {YEARS[0]} to {YEARS[-1]}")
    return first


def _without(one: Interval, others: Iterable[Interval]) -> Iterator[Interval]:
    """Yield what is left of an interval without others, which are in order."""
    start = one.start
    for other in others:
        if other.end <= start or other.start >= one.end:
            continue
        if other.start > start:
            yield Interval(start, other.start)
        start = other.end
    if start < one.end:
        yield Interval(start, one.end)


def _merged(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Yield intervals in order; those that overlap or touch become one."""
    current: Interval | None = None
    for one in sorted(intervals):
        if one.end <= one.start:
            continue
        if current is not None and one.start <= current.end:
            current = Interval(current.start, max(current.end, one.end))
            continue
        if current is not None:
            yield current
        current = one
    if current is not None:
        yield current


def _at(intervals: Sequence[Interval], at: datetime) -> bool:
    number = bisect_right(intervals, at, key=lambda one: one.start) - 1
    return number >= 0 and at < intervals[number].end
