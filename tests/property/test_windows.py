"""Windows against a second opinion: minute by minute, over changes of the clocks, by rules written out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.engine.windows import HORIZON, Interval, occurrences, opening
from fleet.model.policy import WindowSpec

MINUTE = timedelta(minutes=1)
CHANGES = {  # a day on which clocks change, by zone
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),  # by half an hour
    "Africa/Cairo": (date(2026, 4, 24), date(2026, 10, 30)),  # at midnight
    "Asia/Kolkata": (date(2026, 5, 1),),  # never
}
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@st.composite
def windows(draw: st.DrawFn, zone: str, day: date, kind: str) -> tuple[WindowSpec, frozenset[int], int]:
    """Return a window that repeats weekly around a day, with its weekdays and its length in minutes."""
    weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=7))
    start = datetime.combine(day - timedelta(days=draw(st.integers(8, 800))), time(draw(st.integers(0, 23)), 30))
    minutes = draw(st.integers(1, 40 * 60))
    rule = (
        draw(st.sampled_from(["FREQ=WEEKLY", "FREQ=DAILY"])) + ";BYDAY=" + ",".join(DAYS[d] for d in sorted(weekdays))
    )
    spec = WindowSpec.model_validate(
        {
            "name": f"w{draw(st.integers(0, 10**9))}",
            "kind": kind,
            "starts": start.isoformat(),
            "duration": f"{minutes}m",
            "repeats": rule,
            "timeZone": zone,
        }
    )
    return spec, weekdays, minutes


@st.composite
def policies(draw: st.DrawFn) -> tuple[list[tuple[WindowSpec, frozenset[int], int]], date]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    day = draw(st.sampled_from(CHANGES[zone]))
    kinds = draw(st.lists(st.sampled_from(["allow", "freeze"]), min_size=1, max_size=3))
    drawn = [draw(windows(zone, day, kind)) for kind in kinds]
    return [(w.model_copy(update={"name": f"w{n}"}), d, m) for n, (w, d, m) in enumerate(drawn)], day


def moment(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which clocks show a local time, or would have, had they not gone forward."""
    guess = local.replace(tzinfo=UTC) - timedelta(hours=16)
    offset_before = (guess.astimezone(zone)).utcoffset()
    assert offset_before is not None
    candidate = (local - offset_before).replace(tzinfo=UTC)
    if candidate.astimezone(zone).replace(tzinfo=None) == local:
        return candidate
    for minutes in range(-180, 181, 30):
        other = candidate + timedelta(minutes=minutes)
        if other.astimezone(zone).replace(tzinfo=None) == local:
            return other
    return candidate


def covered(window: WindowSpec, weekdays: frozenset[int], minutes: int, day: date) -> set[datetime]:
    """Return every minute around a day that a window covers."""
    zone, first = ZoneInfo(window.time_zone), datetime.fromisoformat(window.starts or "")
    found: set[datetime] = set()
    for shift in range(-5, 6):
        here = datetime.combine(day + timedelta(days=shift), first.time())
        if here >= first and here.weekday() in weekdays:
            start = moment(here, zone)
            found |= {start + n * MINUTE for n in range(minutes)}
    return found


@settings(max_examples=40, deadline=None)
@given(policies())
def test_every_minute_around_a_change_of_clocks(
    drawn: tuple[list[tuple[WindowSpec, frozenset[int], int]], date],
) -> None:
    policy, day = drawn
    specs = [window for window, _, _ in policy]
    sets = [(window, covered(window, weekdays, minutes, day)) for window, weekdays, minutes in policy]
    allows = [found for window, found in sets if window.kind == "allow"]
    freezes = [found for window, found in sets if window.kind == "freeze"]
    start = datetime.combine(day - timedelta(days=1), time(), UTC)
    minutes = [start + n * MINUTE for n in range(3 * 24 * 60)]
    expected = {m: (not allows or any(m in a for a in allows)) and not any(m in f for f in freezes) for m in minutes}
    span = Interval(minutes[0], minutes[-1] + MINUTE)
    for window, found in sets:
        seen = {m for one in occurrences(window, "", span) for m in minutes if one.start <= m < one.end}
        assert seen == found & set(minutes)
    for index in [*range(0, len(minutes), 97), *_edges(list(expected.values()))]:
        here = opening(specs, {}, minutes[index])
        assert here.open is expected[minutes[index]]
        after = next((m for m in minutes[index:] if expected[m] is not here.open), None)
        if after is not None:
            assert here.until == after
        before = next((m for m in reversed(minutes[:index]) if expected[m] is not here.open), None)
        if before is not None:
            assert here.since == before + MINUTE


def _edges(values: list[bool]) -> list[int]:
    return [n + d for n in range(1, len(values)) if values[n] != values[n - 1] for d in (-1, 0)]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_when_it_opens_it_is_open_and_a_moment_before_it_is_not(at: datetime) -> None:
    specs = [
        WindowSpec(
            name="office",
            kind="allow",
            starts="2019-01-01T09:00",
            duration="8h",
            repeats="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
            time_zone="Europe/Berlin",
        ),
        WindowSpec(
            name="year-end",
            kind="freeze",
            starts="2019-12-15T00:00",
            duration="21d",
            repeats="FREQ=YEARLY",
            time_zone="America/New_York",
        ),
    ]
    found = opening(specs, {}, at)
    assert found.until is not None
    assert at < found.until < at + HORIZON
    assert opening(specs, {}, found.until).open is not found.open
    assert opening(specs, {}, found.until - timedelta(microseconds=1)).open is found.open
    assert found.since is not None
    assert found.since <= at
    assert opening(specs, {}, found.since).open is found.open
    assert opening(specs, {}, found.since - timedelta(microseconds=1)).open is not found.open
