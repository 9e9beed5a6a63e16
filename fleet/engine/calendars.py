"""Calendars in iCalendar form (RFC 5545): the occurrences of their events, as holidays and change freezes have them.

Only what says when is read: DTSTART, DTEND, DURATION, RRULE, RDATE, EXDATE, RECURRENCE-ID and STATUS of events. Time
zones go by their IANA names; definitions of time zones in the file are passed over, whatever they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from fleet.engine.recurrence import YEARS, Rule, beginnings, in_utc, never, parse_rule, zone_of

Component = Any
"""An event as the library has it: properties by name, each of a type of its own."""

MOST_EVENTS = 2_000
LONGEST = timedelta(days=366)
_ZONE_DEFINITION = re.compile(r"^BEGIN:VTIMEZONE\s*$.*?^END:VTIMEZONE\s*$\n?", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_BEGIN = re.compile(r"BEGIN:VEVENT\s*", re.IGNORECASE)


class CalendarError(ValueError):
    """The calendar cannot be used. ``line`` is where, counted from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its recurrences."""

    first: datetime
    """Local time of the first occurrence, without a time zone."""
    zone: tzinfo
    days: int | None
    """Number of days of an event of whole days."""
    length: timedelta
    """Elapsed time of any other."""
    rule: Rule | None = None
    extra: tuple[datetime, ...] = ()
    """Further occurrences, local."""
    without: frozenset[datetime] = field(default=frozenset())
    """Occurrences that are left out or replaced, local."""

    def occurrences(self, after: datetime, before: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield start and end in UTC of each occurrence that begins within a time."""
        found = list(beginnings(self.rule, self.first, self.zone, after, before))
        for local in self.extra:
            found += beginnings(None, local, self.zone, after, before)
        for local, start in sorted(set(found)):
            if local not in self.without:
                yield start, self._end(local, start)

    def _end(self, local: datetime, start: datetime) -> datetime:
        """Whole days end at midnight, however many hours they have."""
        return start + self.length if self.days is None else in_utc(local + timedelta(days=self.days), self.zone)


@lru_cache(maxsize=64)
def read_calendar(text: str, zone_name: str) -> tuple[Event, ...]:
    """Return the events of a calendar.

    Args:
        text: content of the file.
        zone_name: IANA name of the time zone that whole days and times without a zone are in.

    Raises:
        CalendarError: it is not a calendar, or holds an event that cannot be understood. Nothing is passed over.
    """
    from icalendar import Calendar  # only fleets with calendars need it

    lines = [number for number, line in enumerate(text.splitlines(), 1) if _BEGIN.fullmatch(line)]
    if len(lines) > MOST_EVENTS:
        raise CalendarError(f"it has more than {MOST_EVENTS} events", lines[MOST_EVENTS])
    try:
        calendars = Calendar.from_ical(_ZONE_DEFINITION.sub("", text), multiple=True)
        components = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise CalendarError(f"it is not an iCalendar file: {_words(error)}") from error
    if not calendars or len(components) != len(lines):
        raise CalendarError("it is not an iCalendar file: `BEGIN` and `END` do not go together")
    zone = zone_of(zone_name)
    return _assembled([(line, *_parse(c, line, zone)) for line, c in zip(lines, components, strict=True)])


@dataclass(frozen=True, slots=True)
class _Notes:
    """What is said about an event beside its times."""

    uid: str
    cancelled: bool
    replaces: datetime | None
    """Occurrence of the event of the same name that this one stands for, in UTC."""


def _assembled(parsed: list[tuple[int, Event, _Notes]]) -> tuple[Event, ...]:
    """Take occurrences that other events replace out of the events that they belong to."""
    events = []
    for _, event, notes in parsed:
        if notes.cancelled:
            continue
        if notes.replaces is None:
            gone = {
                other.replaces.astimezone(event.zone).replace(tzinfo=None)
                for _, _, other in parsed
                if other.replaces is not None and other.uid == notes.uid
            }
            if gone:
                event = Event(
                    event.first, event.zone, event.days, event.length, event.rule, event.extra, event.without | gone
                )
        events.append(event)
    return tuple(events)


def _parse(component: Component, line: int, zone: tzinfo) -> tuple[Event, _Notes]:
    try:
        return _event(component, zone)
    except CalendarError as error:
        raise CalendarError(str(error), line) from error
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
        raise CalendarError(f"an event cannot be read: {_words(error)}", line) from error


def _event(component: Component, zone: tzinfo) -> tuple[Event, _Notes]:
    for name, message in component.errors:
        raise ValueError(f"`{name}`: {message}")
    if "DTSTART" not in component:
        raise ValueError("`DTSTART` is missing")
    start = component["DTSTART"]
    whole_days = not isinstance(start.dt, datetime)
    first, own = _moment(start, start.dt, zone)
    if first.year not in YEARS:
        raise ValueError("`DTSTART` is too far away")
    length = _length(component, whole_days, in_utc(first, own), zone)
    rules = _all(component, "RRULE")
    if len(rules) > 1:
        raise ValueError("it has more than one `RRULE`")
    rule = parse_rule(rules[0].to_ical().decode()) if rules else None
    if rule is not None and never(rule, first):
        raise ValueError("`RRULE`: it never happens")
    event = Event(
        first=first,
        zone=own,
        days=length.days if whole_days else None,
        length=length,
        rule=rule,
        extra=tuple(_dates(component, "RDATE", zone, own)),
        without=frozenset(_dates(component, "EXDATE", zone, own)),
    )
    return event, _notes(component, zone)


def _notes(component: Component, zone: tzinfo) -> _Notes:
    replaces = None
    if "RECURRENCE-ID" in component:
        value = component["RECURRENCE-ID"]
        if "RANGE" in value.params:
            raise ValueError("`RECURRENCE-ID` with `RANGE` is not supported: write the two halves as two events")
        replaces = in_utc(*_moment(value, value.dt, zone))
    status = str(component.get("STATUS", "")).upper()
    return _Notes(str(component.get("UID", "")), status == "CANCELLED", replaces)


def _length(component: Component, whole_days: bool, start: datetime, zone: tzinfo) -> timedelta:
    """Return how long each occurrence lasts (RFC 5545, 3.6.1 says how long an event without an end lasts)."""
    if "DTEND" in component and "DURATION" in component:
        raise ValueError("it has both `DTEND` and `DURATION`")
    if "DTEND" in component:
        end = component["DTEND"]
        if isinstance(end.dt, datetime) is whole_days:
            raise ValueError("`DTSTART` and `DTEND` are not of the same kind")
        if whole_days:
            length = end.dt - component["DTSTART"].dt
        else:
            length = in_utc(*_moment(end, end.dt, zone)) - start
    elif "DURATION" in component:
        length = component["DURATION"].dt
        if whole_days and length % timedelta(days=1):
            raise ValueError("an event of whole days lasts whole days")
    elif whole_days:
        length = timedelta(days=1)
    else:
        raise ValueError("it has neither `DTEND` nor `DURATION`")
    if not timedelta(0) < length <= LONGEST:
        raise ValueError(f"it has to last longer than nothing and at most {LONGEST.days} days")
    return timedelta(seconds=length.total_seconds())


def _dates(component: Component, name: str, zone: tzinfo, own: tzinfo) -> Iterator[datetime]:
    """Yield the local times that a property lists, in the time zone of the event."""
    for value in _all(component, name):
        for item in value.dts:
            if isinstance(item.dt, tuple):
                raise ValueError(f"`{name}` with periods is not supported")
            local, there = _moment(value, item.dt, zone)
            yield local if there == own else in_utc(local, there).astimezone(own).replace(tzinfo=None)


def _moment(value: Any, given: date, zone: tzinfo) -> tuple[datetime, tzinfo]:
    """Return local time and time zone of a date, a time, or a time without a zone."""
    if not isinstance(given, datetime):
        return datetime.combine(given, time()), zone
    name = value.params.get("TZID")
    if name is not None:
        known = given.tzinfo
        own = zone_of(getattr(known, "key", None) or str(name).strip("/"))
        return given.replace(tzinfo=None), own
    if given.tzinfo is None:
        return given, zone
    return given.astimezone(UTC).replace(tzinfo=None), UTC


def _all(component: Component, name: str) -> list[Any]:
    found = component.get(name)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (text if len(text) <= 160 else f"{text[:159]}…") or type(error).__name__
