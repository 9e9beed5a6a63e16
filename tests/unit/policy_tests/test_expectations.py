"""What is compared, and what is told where something else was expected."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.model.policy_report import Failure
from tests.unit.policy_tests.playing import GIVEN, play, run
from tests.unit.promotion.cases import fleet

SHOP = fleet({"staging": {"soak": "1h"}, "prod": {"approvals": 1}})
SOAKING = {**GIVEN, "since": "-20m"}


def failures(expect: dict[str, Any]) -> list[Failure]:
    report = play({"given": SOAKING, "expect": expect}, fleet_of=SHOP)
    assert report.problems == ()
    return [failure for moment in report.scenarios[0].moments for failure in moment.failures]


@pytest.mark.parametrize(
    "expect",
    [
        {"open": False, "merge": False, "refused": False},
        {"passed": ["health"], "pending": ["soak", "approvals(prod)"], "absent": ["lock", "soak(prod)"]},
        {"only": ["health(staging)", "soak", "approvals"]},
        {"gates": {"soak": {"verdict": "pending", "reason": "20m of 1h", "earliest": "+40m", "clears": "time"}}},
        {"gates": {"soak": {"earliest": "2026-03-04T13:40+01:00", "holds": "open"}, "approvals": {"holds": "merge"}}},
    ],
)
def test_what_holds(expect: dict[str, Any]) -> None:
    assert failures(expect) == []


@pytest.mark.parametrize(
    ("expect", "what", "expected", "found"),
    [
        ({"open": True}, "open", "allowed", "held, held by soak(staging)"),
        ({"merge": True}, "merge", "allowed", "held, held by soak(staging), approvals(prod)"),
        ({"refused": True}, "overrides", "an override refused", "no override refused"),
        ({"passed": ["soak"]}, "soak(staging)", "passed", "pending"),
        ({"failed": ["soak"]}, "soak(staging)", "failed", "pending"),
        ({"pending": ["health(staging)"]}, "health(staging)", "pending", "passed"),
        ({"pending": ["lock"]}, "lock", "pending", "no such gate"),
        ({"absent": ["soak"]}, "soak(staging)", "no such gate", "pending"),
        ({"overridden": ["soak"]}, "soak(staging)", "overridden", "pending, not overridden"),
        ({"only": ["health", "soak"]}, "approvals(prod)", "no such gate", "pending"),
        ({"only": ["health", "soak", "approvals", "lock"]}, "lock", "there", "no such gate"),
        ({"gates": {"soak": {"verdict": "failed"}}}, "soak(staging)", "failed", "pending"),
        ({"gates": {"soak": {"holds": "merge"}}}, "holds of soak(staging)", "merge", "open"),
        ({"gates": {"soak": {"reason": "2h"}}}, "reason of soak(staging)", "a text with `2h`", "`20m of 1h done`"),
        ({"gates": {"health": {"clears": "time"}}}, "clears of health(staging)", "a text with `time`", "none"),
        (
            {"gates": {"soak": {"earliest": "+41m"}}},
            "earliest of soak(staging)",
            "2026-03-04 12:41:00 UTC",
            "2026-03-04 12:40:00 UTC",
        ),
        (
            {"gates": {"health": {"earliest": "+1h"}}},
            "earliest of health(staging)",
            "2026-03-04 13:00:00 UTC",
            "not known",
        ),
        ({"gates": {"lock": {}}}, "lock", "there", "no such gate"),
    ],
)
def test_what_does_not_hold_is_told(expect: dict[str, Any], what: str, expected: str, found: str) -> None:
    (failure,) = failures(expect)
    assert (failure.what, failure.expected, failure.found) == (what, expected, found)


def test_the_reason_of_the_gate_is_told() -> None:
    (failure,) = failures({"passed": ["soak"]})
    assert failure.reasons == ("soak(staging): 20m of 1h done",)


def test_each_difference_has_its_place() -> None:
    text = """\
scenarios:
  - name: one
    given: {app: web, to: prod, at: 2026-03-04T12:00, observed: all-healthy, since: -20m}
    expect:
      passed:
        - health
        - soak
    steps:
      - at: +1h
        expect: {open: true, gates: {soak: {verdict: passed, reason: never}}}
"""
    report = run({"policies/one.yaml": text}, SHOP)
    found = [str(f.location) for moment in report.scenarios[0].moments for f in moment.failures]
    assert found == ["policies/one.yaml:7:11", "policies/one.yaml:10:62"]
    assert str(report.scenarios[0].location) == "policies/one.yaml:2:5"
