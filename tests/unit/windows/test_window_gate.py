from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.engine.gates import windows
from fleet.engine.gates.registry import decide
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind
from tests.unit.promotion.cases import case, fleet, only

OFFICE = {
    "name": "office-hours",
    "kind": "allow",
    "starts": "2026-01-05T09:00",
    "duration": "8h",
    "repeats": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
    "timeZone": "Europe/Berlin",
}
YEAR_END = {
    "name": "year-end",
    "kind": "freeze",
    "starts": "2025-12-15T00:00",
    "duration": "21d",
    "repeats": "FREQ=YEARLY",
    "timeZone": "Europe/Berlin",
    "message": "Change freeze:\n ask the duty manager",
}
HOLIDAYS = {"name": "holidays", "kind": "freeze", "calendar": "holidays.ics", "timeZone": "Europe/Berlin"}
ICS = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nDTSTART;VALUE=DATE:20260304\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n"
)


def gate(*given: dict[str, Any], at: str, **more: Any) -> GateResult:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    (found,) = windows.judge(case({"prod": {"windows": list(given)}}, now=now, **more))
    return found


def test_without_windows_there_is_no_gate() -> None:
    assert not [*windows.judge(case())]


def test_inside_of_an_allow_window() -> None:
    found = gate(OFFICE, at="2026-03-04T12:00")
    assert (found.name, found.verdict, found.holds) == ("window(prod)", Verdict.PASSED, "merge")
    assert found.reason == "inside of `office-hours` until Wed 2026-03-04 17:00 Europe/Berlin"
    assert found.since == datetime(2026, 3, 4, 8, tzinfo=UTC)


def test_outside_of_every_allow_window() -> None:
    found = gate(OFFICE, at="2026-03-27T12:00")
    assert (found.verdict, found.clears) == (Verdict.PENDING, "time")
    assert found.reason == "outside of `office-hours`; opens Mon 2026-03-30 09:00 Europe/Berlin"
    assert found.earliest == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert found.since == datetime(2026, 3, 26, 16, tzinfo=UTC)


def test_a_freeze_holds_even_within_an_allow_window() -> None:
    found = gate(OFFICE, YEAR_END, at="2026-12-17T12:00")
    assert found.verdict is Verdict.PENDING
    assert found.earliest == datetime(2027, 1, 5, 8, tzinfo=UTC)  # the freeze ends at night, the office opens later
    assert found.reason == (
        "frozen by `year-end` until Tue 2027-01-05 09:00 Europe/Berlin: Change freeze: ask the duty manager"
    )


def test_outside_of_a_freeze() -> None:
    found = gate(YEAR_END, at="2026-03-04T12:00")
    assert (found.verdict, found.reason) == (
        Verdict.PASSED,
        "no freeze until Mon 2026-12-14 23:00 UTC",
    )


def test_the_end_belongs_to_no_window() -> None:
    assert gate(YEAR_END, at="2026-12-14T22:59").verdict is Verdict.PASSED
    assert gate(YEAR_END, at="2026-12-14T23:00").verdict is Verdict.PENDING
    assert gate(YEAR_END, at="2027-01-04T22:59").verdict is Verdict.PENDING
    assert gate(YEAR_END, at="2027-01-04T23:00").verdict is Verdict.PASSED


def test_days_of_a_calendar_of_the_repository() -> None:
    of = fleet({"prod": {"windows": [HOLIDAYS]}})
    found = gate(HOLIDAYS, at="2026-03-04T12:00", fleet_of=_with(of, {"holidays.ics": ICS}))
    assert (found.verdict, found.earliest) == (Verdict.PENDING, datetime(2026, 3, 4, 23, tzinfo=UTC))


@pytest.mark.parametrize("text", [None, "no calendar"])
def test_a_calendar_that_cannot_be_read_holds(text: str | None) -> None:
    of = fleet({"prod": {"windows": [HOLIDAYS]}})
    found = gate(HOLIDAYS, at="2026-03-04T12:00", fleet_of=_with(of, {"holidays.ics": text} if text else {}))
    assert found.verdict is Verdict.PENDING
    assert "cannot be read" in found.reason
    assert found.earliest is None


def test_a_window_that_never_opens_again_says_so() -> None:
    once = {"name": "past", "kind": "allow", "starts": "2020-01-01T00:00", "duration": "1d"}
    found = gate(once, at="2026-03-04T12:00")
    assert (found.earliest, found.verdict) == (None, Verdict.PENDING)
    assert "does not open within 400 days" in found.reason


def test_a_commit_without_a_pull_request_is_held_at_once_and_a_rollback_never() -> None:
    assert gate(OFFICE, at="2026-03-27T12:00", direct=True).holds == "open"
    back = case({"prod": {"windows": [OFFICE]}}, kind=PromotionKind.ROLLBACK, now=datetime(2026, 3, 27, tzinfo=UTC))
    assert not [*windows.judge(back)]


def test_the_gate_is_among_those_that_decide() -> None:
    assert only(decide(case({"prod": {"windows": [OFFICE]}})), "window").verdict is Verdict.PASSED


def _with(of: Any, calendars: dict[str, str]) -> Any:
    from dataclasses import replace

    return replace(of, calendars=calendars)
