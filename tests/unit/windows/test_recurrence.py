from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fleet.engine.recurrence import beginnings, never, parse_rule, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def starts(rule: str, first: str, after: str, before: str, zone: ZoneInfo = BERLIN) -> list[str]:
    """Return beginnings as local time with offset."""
    found = beginnings(
        parse_rule(rule),
        datetime.fromisoformat(first),
        zone,
        datetime.fromisoformat(after).replace(tzinfo=UTC),
        datetime.fromisoformat(before).replace(tzinfo=UTC),
    )
    return [at.astimezone(zone).isoformat(timespec="minutes") for _, at in found]


def test_wall_time_stays_when_the_clocks_change() -> None:
    assert starts("FREQ=WEEKLY;BYDAY=SA,SU", "2026-01-03T09:00", "2026-03-27", "2026-04-05") == [
        "2026-03-28T09:00+01:00",
        "2026-03-29T09:00+02:00",
        "2026-04-04T09:00+02:00",
    ]


def test_a_time_that_does_not_exist_comes_later_and_is_not_left_out() -> None:
    assert starts("FREQ=DAILY", "2026-01-01T02:30", "2026-03-28", "2026-03-31") == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:30+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_time_that_exists_twice_is_the_first() -> None:
    assert starts("FREQ=DAILY", "2026-01-01T02:30", "2026-10-24T12:00", "2026-10-25T12:00") == [
        "2026-10-25T02:30+02:00"
    ]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260110", "2026-01-10T23:30+01:00"),
        ("20260110T233000", "2026-01-10T23:30+01:00"),
        ("20260110T223000Z", "2026-01-10T23:30+01:00"),
        ("20260110T222959Z", "2026-01-09T23:30+01:00"),
        ("20260110T232959", "2026-01-09T23:30+01:00"),
    ],
)
def test_the_end_of_a_rule_counts_as_it_is_written(until: str, last: str) -> None:
    assert starts(f"FREQ=DAILY;UNTIL={until}", "2026-01-01T23:30", "2026-01-01", "2027-01-01")[-1] == last


def test_counting_starts_at_the_first() -> None:
    assert len(starts("FREQ=DAILY;COUNT=5", "2026-01-01T09:00", "2026-01-03", "2027-01-01")) == 3


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
        "FREQ=WEEKLY",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;INTERVAL=5;BYDAY=TU;BYHOUR=3,4",
    ],
)
def test_going_straight_to_the_present_changes_nothing(rule: str) -> None:
    now = starts(rule, "2007-05-16T09:00", "2027-01-01", "2029-01-01")
    whole = starts(rule, "2007-05-16T09:00", "2007-01-01", "2029-01-01")
    assert now == [one for one in whole if one >= "2027"]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("", "`` is not a part"),
        ("FREQ=SECONDLY", "finer than a day"),
        ("FREQ=HOURLY", "finer than a day"),
        ("FREQ=SOMETIMES", "is missing or not known"),
        ("BYDAY=MO", "is missing or not known"),
        ("FREQ=DAILY;FREQ=DAILY", "given twice"),
        ("FREQ=DAILY;EVERY=2", "`EVERY` is not a part"),
        ("FREQ=DAILY;INTERVAL=0", "whole number from 1 to 1000"),
        ("FREQ=DAILY;COUNT=99999999", "whole number from 1 to 10000"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=tomorrow", "is not a date or time"),
        ("FREQ=DAILY;UNTIL=20261341", "is not a date or time"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,30", "48 times a day"),
        ("FREQ=WEEKLY;BYDAY=1MO", "numbered weekdays"),
        ("FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=31", "no such month has that day"),
        ("FREQ=YEARLY;BYMONTH=13", "whole numbers"),
        ("FREQ=WEEKLY;BYDAY=XX", ""),
        ("FREQ=DAILY;BYHOUR=25", ""),
        ("FREQ=DAILY;" + "X" * 600, "longer than 500"),
        ("FREQ=DAILY;BYDAY=MO\nFREQ=DAILY", "no usable value"),
    ],
)
def test_what_is_no_rule_is_refused(rule: str, wrong: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_rule(rule)
    assert wrong in str(error.value)


def test_a_rule_that_never_matches_is_found_out() -> None:
    with pytest.raises(ValueError, match="out of range"):
        never(parse_rule("FREQ=MONTHLY;BYDAY=99MO"), datetime(2026, 1, 5))  # noqa: DTZ001
    assert never(parse_rule("FREQ=DAILY;INTERVAL=7;BYDAY=TU"), datetime(2026, 1, 5))  # noqa: DTZ001
    assert not never(parse_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"), datetime(2026, 1, 5))  # noqa: DTZ001


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "../etc/passwd", "/etc/localtime", "CEST", "Mars/X", "Europe", ""]
)
def test_only_names_of_iana_are_time_zones(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        zone_of(name)
