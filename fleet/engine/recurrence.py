"""Recurrence rules (RFC 5545, section 3.3.10): when something begins that happens again and again. Pure.

Rules are about local wall time. A local time that does not exist (clocks go forward) is read with the offset before the
gap, so that it is as much later as the gap is long; one that exists twice (clocks go back) is the first of the two.
RFC 5545 leaves out recurrences at times that do not exist. Here they stay: a freeze must not be missing for a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_LISTS = ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS")
_NAMES = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", *_LISTS)
_VALUE = re.compile(r"[A-Z0-9,+-]+")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?")
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
"""Names that start with a small letter, like `localtime`, are files of one machine and no names of IANA."""

MOST_LETTERS = 500
MOST_A_DAY = 24
MOST_COUNTED = 10_000
LONGEST_INTERVAL = 1_000
YEARS = range(1900, 2390)
"""Years in which something may begin for the first time."""

_SHIFT = 19 * 400
"""The Gregorian calendar repeats every 400 years. Rules are followed in the last of these cycles that a `datetime` can
hold, so that a rule that never matches comes to the end of time after some 400 years, not after 8,000."""
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was found to be usable."""

    text: str
    """The rule without its end: that is ``until``."""
    frequency: str
    interval: int
    counted: bool
    until: datetime | None = None
    """The last time at which something can begin: in UTC with a time zone, else local."""


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        ValueError: there is none of this name.
    """
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    raise ValueError(f"`{name[:80]}` is not a time zone, like `Europe/Berlin`")


def parse_rule(text: str) -> Rule:
    """Return a rule.

    Raises:
        ValueError: it is not one, or asks for more than makes sense: what is finer than a day, or has no end to it.
    """
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        finer = frequency in ("HOURLY", "MINUTELY", "SECONDLY")
        wrong = f"`FREQ={frequency}` is finer than a day" if finer else "`FREQ` is missing or not known"
        raise ValueError(f"{wrong}; it can be {', '.join(f'`{name}`' for name in FREQUENCIES)}")
    interval = _number(parts, "INTERVAL", LONGEST_INTERVAL) or 1
    count = _number(parts, "COUNT", MOST_COUNTED)
    if count is not None and "UNTIL" in parts:
        raise ValueError("`COUNT` and `UNTIL` exclude each other")
    a_day = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        a_day *= parts.get(name, "").count(",") + 1
    if a_day > MOST_A_DAY:
        raise ValueError(f"it happens {a_day} times a day; at most {MOST_A_DAY} are allowed")
    if frequency in ("DAILY", "WEEKLY") and re.search(r"\d", parts.get("BYDAY", "")):
        raise ValueError("numbered weekdays in `BYDAY` belong to `FREQ=MONTHLY` and `FREQ=YEARLY`")
    _check_days(parts)
    until = _until(parts["UNTIL"]) if "UNTIL" in parts else None
    kept = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    rule = Rule(kept, frequency, interval, count is not None, until)
    _made(rule, datetime(2000, 1, 1))  # noqa: DTZ001
    return rule


def beginnings(
    rule: Rule | None, first: datetime, zone: tzinfo, after: datetime, before: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield when something begins, in order: as local time, and in UTC.

    Args:
        rule: how it happens again; None: it happens once.
        first: local time (without a time zone) from which on the rule holds.
        zone: where that is local.
        after: beginnings before this time are left out.
        before: those at or after this time too.
    """
    for local in (first,) if rule is None else _local(rule, _near(rule, first, zone, after)):
        at = in_utc(local, zone)
        if rule is not None and rule.until is not None and (at if rule.until.tzinfo else local) > rule.until:
            return
        if at >= before + timedelta(days=2):  # local times may be out of order by the length of a gap
            return
        if after <= at < before:
            yield local, at


def in_utc(local: datetime, zone: tzinfo) -> datetime:
    """Return the moment of a local time; see above for local times that exist twice or not at all."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def never(rule: Rule, first: datetime) -> bool:
    """Say whether the rule never matches from its first day on."""
    return next(_local(rule, first), None) is None


def _local(rule: Rule, first: datetime) -> Iterator[datetime]:
    """Yield all local times from the first on, whatever the end of the rule."""
    try:
        for local in _made(rule, first.replace(year=first.year + _SHIFT)):
            yield local.replace(year=local.year - _SHIFT)
    except IndexError as error:  # of a weekday that no month has that often
        raise ValueError("a value in it is out of range") from error


def _made(rule: Rule, first: datetime) -> Iterable[datetime]:
    from dateutil.rrule import rrulestr  # only fleets with windows need it

    try:
        return rrulestr(rule.text, dtstart=first)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ValueError("a value in it is out of range") from error


def _near(rule: Rule, first: datetime, zone: tzinfo, after: datetime) -> datetime:
    """Return a later first time with the same beginnings from ``after`` on, so that years are not gone through."""
    if rule.counted or rule.frequency not in ("DAILY", "WEEKLY"):
        return first
    step = timedelta(days=(7 if rule.frequency == "WEEKLY" else 1) * rule.interval)
    steps = (after.astimezone(zone).replace(tzinfo=None) - first) // step - 2
    return first + steps * step if steps > 0 else first


def _parts(text: str) -> Mapping[str, str]:
    if len(text) > MOST_LETTERS:
        raise ValueError(f"it is longer than {MOST_LETTERS} characters")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, _, value = part.partition("=")
        if name not in _NAMES:
            raise ValueError(f"`{name[:40]}` is not a part of a recurrence rule")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"`{part[:40]}` has no usable value")
        if name in parts:
            raise ValueError(f"`{name}` is given twice")
        parts[name] = value
    return parts


def _number(parts: Mapping[str, str], name: str, most: int) -> int | None:
    if name not in parts:
        return None
    value = parts[name]
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= most):
        raise ValueError(f"`{name}` is a whole number from 1 to {most}")
    return int(value)


def _check_days(parts: Mapping[str, str]) -> None:
    """Refuse days that no month has, with a better message than "never"."""
    try:
        months = [int(month) for month in parts.get("BYMONTH", "").split(",") if month]
        days = [abs(int(day)) for day in parts.get("BYMONTHDAY", "").split(",") if day]
        longest = max((_DAYS_OF_MONTH[month - 1] for month in months if month > 0), default=31)
    except (ValueError, IndexError):
        raise ValueError("`BYMONTH` and `BYMONTHDAY` are lists of whole numbers") from None
    if days and min(days) > longest:
        raise ValueError("it never happens: no such month has that day")


def _until(text: str) -> datetime:
    found = _UNTIL.fullmatch(text)
    try:
        if not found:
            raise ValueError
        day, clock, utc = found.groups()
        until = datetime.strptime(f"{day}{clock or '235959'}", "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise ValueError(f"`UNTIL={text[:40]}` is not a date or time, like `20261231T230000Z`") from None
    return until.replace(tzinfo=UTC) if utc else until
