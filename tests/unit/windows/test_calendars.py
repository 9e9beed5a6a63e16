from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fleet.engine.calendars import CalendarError, read_calendar

BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE_ZONE = """BEGIN:VTIMEZONE
TZID:Own
BEGIN:STANDARD
DTSTART:19700101T000000
RRULE:FREQ=SECONDLY
TZOFFSETFROM:+0000
TZOFFSETTO:+0000
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events: str, more: str = "") -> str:
    """Return a calendar; each event is the lines that say when."""
    body = "".join(f"BEGIN:VEVENT\nUID:{n}\n{event}\nEND:VEVENT\n" for n, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{more}{body}END:VCALENDAR\n"


def times(text: str, after: str = "2026-01-01", before: str = "2027-01-01") -> list[str]:
    """Return what the events cover, in the time of Berlin."""
    span = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (after, before)]
    found = sorted(o for event in read_calendar(text, "Europe/Berlin") for o in event.occurrences(span[0], span[1]))
    return [f"{s.astimezone(BERLIN):%m-%d %H:%M} {e.astimezone(BERLIN):%m-%d %H:%M}" for s, e in found]


def test_whole_days_begin_and_end_at_local_midnight() -> None:
    assert times(calendar("DTSTART;VALUE=DATE:20260329", "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227")) == [
        "03-29 00:00 03-30 00:00",  # a day of 23 hours
        "12-24 00:00 12-27 00:00",
    ]


def test_times_are_in_their_own_zone() -> None:
    assert times(
        calendar(
            "DTSTART:20260105T090000\nDURATION:PT1H",
            "DTSTART:20260106T090000Z\nDTEND:20260106T100000Z",
            "DTSTART;TZID=America/New_York:20260107T090000\nDTEND;TZID=Europe/London:20260107T150000",
        )
    ) == ["01-05 09:00 01-05 10:00", "01-06 10:00 01-06 11:00", "01-07 15:00 01-07 16:00"]


def test_recurrences_with_exceptions_additions_and_replacements() -> None:
    master = (
        "DTSTART;TZID=Europe/Berlin:20260302T090000\nDTEND;TZID=Europe/Berlin:20260302T100000\n"
        "RRULE:FREQ=WEEKLY;COUNT=5\nEXDATE;TZID=Europe/Berlin:20260309T090000\nRDATE:20260401T070000Z"
    )
    moved = "RECURRENCE-ID:20260316T080000Z\nDTSTART:20260317T120000Z\nDTEND:20260317T140000Z"
    gone = "RECURRENCE-ID;TZID=Europe/Berlin:20260323T090000\nDTSTART:20260323T080000Z\nDURATION:PT1H\nSTATUS:CANCELLED"
    text = calendar(master, moved, gone).replace("UID:1", "UID:0").replace("UID:2", "UID:0")
    assert times(text) == [
        "03-02 09:00 03-02 10:00",
        "03-17 13:00 03-17 15:00",
        "03-30 09:00 03-30 10:00",
        "04-01 09:00 04-01 10:00",
    ]


def test_a_cancelled_event_is_none() -> None:
    assert times(calendar("DTSTART;VALUE=DATE:20260105\nSTATUS:CANCELLED")) == []


def test_holidays_from_before_the_epoch_and_folded_lines() -> None:
    assert times(calendar("SUMMARY:New\n  Year\nDTSTART;VALUE=DATE:19500101\nRRULE:FREQ=YEARLY")) == [
        "01-01 00:00 01-02 00:00"
    ]


def test_definitions_of_time_zones_are_passed_over() -> None:
    assert times(calendar("DTSTART;VALUE=DATE:20260105", more=HOSTILE_ZONE)) == ["01-05 00:00 01-06 00:00"]


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("", 1, "not an iCalendar file"),
        ("hello", 1, "not an iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101T000000Z\n", 1, "do not go together"),
        (calendar("DTSTART;VALUE=DATE:20260101", "SUMMARY:x"), 8, "`DTSTART` is missing"),
        (calendar("DTSTART:2026013"), 4, "`DTSTART`"),
        (calendar("DTSTART:20260101T000000Z"), 4, "neither `DTEND` nor `DURATION`"),
        (calendar("DTSTART:20260101T000000Z\nDURATION:PT1H\nDTEND:20260101T010000Z"), 4, "both `DTEND`"),
        (calendar("DTSTART:20260101T000000Z\nDTEND:20251231T000000Z"), 4, "longer than nothing"),
        (calendar("DTSTART:20260101T000000Z\nDURATION:P900D"), 4, "at most 366 days"),
        (calendar("DTSTART;VALUE=DATE:20260101\nDTEND:20260102T000000Z"), 4, "not of the same kind"),
        (calendar("DTSTART;VALUE=DATE:20260101\nDURATION:PT1H"), 4, "whole days"),
        (calendar("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=SECONDLY"), 4, "finer than a day"),
        (calendar("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY"), 4, "more than one `RRULE`"),
        (calendar("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO"), 4, "never happens"),
        (
            calendar("DTSTART;TZID=Own:20260101T000000\nDURATION:PT1H", more=HOSTILE_ZONE),
            13,
            "`Own` is not a time zone",
        ),
        (calendar("DTSTART;VALUE=DATE:15000101"), 4, "too far away"),
        (calendar("DTSTART;VALUE=DATE:20260101\nRDATE;VALUE=PERIOD:20260102T100000Z/PT1H"), 4, "periods"),
        (calendar("DTSTART;VALUE=DATE:20260101\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260101"), 4, "`RANGE`"),
        (calendar(*["DTSTART;VALUE=DATE:20260101"] * 2001), 8004, "more than 2000 events"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_line(text: str, line: int, wrong: str) -> None:
    with pytest.raises(CalendarError) as error:
        read_calendar(text, "Europe/Berlin")
    assert wrong in str(error.value)
    assert error.value.line == line
