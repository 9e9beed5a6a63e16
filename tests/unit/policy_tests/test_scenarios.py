"""What scenarios put before the gates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.engine.expectations import KINDS
from fleet.engine.gates.own import RESERVED
from fleet.model.moments import resolve
from tests.unit.policy_tests.playing import GIVEN, gate, moment, play, verdict
from tests.unit.promotion.cases import ADA, BOB, fleet

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
UNKNOWN = {name: value for name, value in GIVEN.items() if name != "observed"}
SMOKE = {"name": "smoke", "http": {"url": "https://checks.example.com/{app}"}}
FREEZE = {"name": "freeze", "kind": "freeze", "starts": "2026-03-04T14:00", "duration": "2h"}


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-04T12:00", START),
        ("2026-03-04T13:00+01:00", START),
        ("2026-03-04", START - timedelta(hours=12)),
        ("+1h30m", START + timedelta(minutes=90)),
        ("-2d", START - timedelta(days=2)),
    ],
)
def test_times_are_dates_or_count_from_the_start(text: str, time: datetime) -> None:
    assert resolve(text, START) == time


@pytest.mark.parametrize("text", ["", "noon", "+", "-2x", "+99999999d", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        resolve(text, START)


def test_what_is_not_told_is_not_known() -> None:
    found = moment(UNKNOWN, fleet_of=fleet({"prod": {"gates": [SMOKE]}, "staging": {"soak": "1h"}}))
    pending = {result.kind for result in found.gates if result.verdict == "pending"}
    assert pending == {"health", "soak", "lock", "hold", "rejected", "smoke"}
    assert (found.open, found.merge) == (False, False)


def test_all_is_well_if_the_scenario_says_so() -> None:
    found = moment(fleet_of=fleet({"prod": {"gates": [SMOKE]}, "staging": {"soak": "1h"}}))
    assert {result.kind: result.verdict.value for result in found.gates} == {
        "health": "passed",
        "soak": "passed",
        "smoke": "passed",
        "approvals": "passed",
    }
    assert (found.open, found.merge) == (True, True)


def test_what_is_told_comes_on_top() -> None:
    found = moment(
        health={"staging": {"status": "progressing", "reason": "1 of 3"}},
        probes={"smoke": {"verdict": "failed", "reason": "503"}},
        fleet_of=fleet({"prod": {"gates": [SMOKE]}}),
    )
    health, smoke = gate(found, "health"), gate(found, "smoke")
    assert health is not None and health.reason == "staging: progressing: 1 of 3"
    assert smoke is not None and (smoke.verdict, smoke.reason) == ("failed", "503")


def test_a_soak_counts_from_since() -> None:
    soaking = fleet({"staging": {"soak": "1h"}})
    found = gate(moment(since="-20m", fleet_of=soaking), "soak")
    assert found is not None and found.earliest == START + timedelta(minutes=40)
    assert verdict(moment(health={"staging": {"since": "-2h"}}, since="-20m", fleet_of=soaking), "soak") == "passed"


def test_a_soak_of_a_release_starts_when_it_came() -> None:
    came = {"environment": "staging", "at": "-10m", "release": {"version": "1.1.0"}}
    assert verdict(moment(history=[came], fleet_of=fleet({"staging": {"soak": "1h"}})), "soak") == "pending"
    other = {**came, "release": {"version": "1.0.9"}}
    assert verdict(moment(history=[other], fleet_of=fleet({"staging": {"soak": "1h"}})), "soak") == "passed"


@pytest.mark.parametrize("one", ["locks", "holds", "rejections"])
def test_one_restriction_makes_all_of_them_known(one: str) -> None:
    found = moment({**UNKNOWN, one: []})
    assert {result.kind for result in found.gates} == {"health", "approvals"}


def test_locks_holds_and_rejections_are_about_the_promotion_unless_they_say_otherwise() -> None:
    found = moment(locks=[{}], holds=[{}], rejections=[{}])
    assert [verdict(found, kind) for kind in ("lock", "hold", "rejected")] == ["pending", "pending", "failed"]
    found = moment(
        locks=[{"environment": "dev"}, {"id": "old", "expires": "-0s"}],
        holds=[{"environment": "staging"}],
        rejections=[{"version": "1.0.9"}],
    )
    assert [verdict(found, kind) for kind in ("lock", "hold", "rejected")] == [None, None, None]


def test_a_step_goes_on_from_what_was_before() -> None:
    steps: list[dict[str, Any]] = [
        {"at": "+1h", "given": {"health": {"staging": {"status": "failed"}}}, "expect": {"failed": ["health"]}},
        {"given": {"locks": [{}]}, "expect": {"failed": ["health"], "pending": ["lock"]}},
        {"at": "+2h", "given": {"locks": []}, "expect": {"failed": ["health"], "absent": ["lock"]}},
    ]
    report = play({"given": GIVEN, "expect": {"passed": ["health"]}, "steps": steps})
    assert report.broken == 0
    times = [found.at - START for found in report.scenarios[0].moments]
    assert times == [timedelta(0), timedelta(hours=1), timedelta(hours=1), timedelta(hours=2)]


def test_windows_are_those_of_the_time() -> None:
    frozen = fleet({"prod": {"windows": [FREEZE]}})
    for at, expected in (("13:59", "passed"), ("14:00", "pending"), ("15:59", "pending"), ("16:00", "passed")):
        assert verdict(moment(at=f"2026-03-04T{at}", fleet_of=frozen), "window") == expected


def test_a_rollback_waits_for_nobody() -> None:
    policies: dict[str, dict[str, Any]] = {"prod": {"windows": [FREEZE], "gates": [SMOKE]}, "staging": {"soak": "1h"}}
    found = moment(UNKNOWN, kind="rollback", at="2026-03-04T15:00", locks=[], fleet_of=fleet(policies))
    assert {result.kind for result in found.gates} == {"approvals"}
    assert found.open


def test_a_hotfix_comes_from_further_up() -> None:
    found = gate(moment({**GIVEN, "from": "dev"}), "order")
    assert found is not None and found.reason == "`staging` is passed over"


def test_a_hotfix_that_would_be_undone() -> None:
    assert verdict(moment(undoesHotfix=True), "order") == "pending"


def test_a_release_into_the_first_environment_is_committed_directly_if_the_policy_says_so() -> None:
    given = {**GIVEN, "to": "dev"}
    assert verdict(moment(given), "approvals") == "passed"
    assert verdict(moment(given, fleet_of=fleet({"dev": {"releases": "direct", "approvals": 1}})), "approvals") is None


def test_values_in_conflict() -> None:
    assert verdict(moment(conflicts=["ratings.enabled"]), "values") == "failed"


def test_an_override_counts_if_the_policy_lets_the_person() -> None:
    policies: dict[str, dict[str, Any]] = {"staging": {"soak": "1h"}, "prod": {"overrides": {"roles": ["leads"]}}}
    shop = fleet(policies, file={"roles": {"leads": ["ada@example.com"]}})
    found = moment(since="-1m", overrides=[{"gate": "soak", "by": ADA}], fleet_of=shop)
    assert found.open and not found.refused
    given = {**GIVEN, "since": "-1m", "overrides": [{"gate": "soak", "by": BOB}]}
    report = play({"given": given, "expect": {"refused": True, "open": False, "merge": False}}, fleet_of=shop)
    assert report.broken == 0


def test_approvals_roles_and_checks_of_a_pull_request() -> None:
    policy: dict[str, Any] = {"approvals": 2, "approvalRoles": {"leads": 1}, "checks": ["build"]}
    shop = fleet({"prod": policy}, file={"roles": {"leads": ["bob@example.com"]}})
    opened: dict[str, Any] = {
        "author": ADA,
        "approvals": [ADA, "Eve <eve@example.com>"],
        "checks": {"build": "failure"},
    }
    found = moment(pullRequest=opened, fleet_of=shop)
    assert {r.name: r.verdict.value for r in found.gates if r.holds == "merge"} == {
        "approvals(prod)": "pending",
        "role(leads)": "pending",
        "check(build)": "failed",
    }
    done = {**opened, "approvals": [BOB, "Eve <eve@example.com>"], "checks": {"build": "success"}}
    assert moment(pullRequest=done, fleet_of=shop).merge


def test_the_queue_sees_what_is_pinned_further_on() -> None:
    given = {**GIVEN, "to": "staging"}
    queue = fleet({"staging": {"queue": "fifo"}})
    assert verdict(moment(given, fleet_of=queue), "queue") == "pending"
    there = {"prod": {"web": {"version": "1.0.0"}}}
    assert verdict(moment(given, releases=there, fleet_of=queue), "queue") == "passed"
    assert verdict(moment(given, first=True, fleet_of=queue), "queue") is None
    moved = {"environment": "prod", "at": "-1d", "release": {"version": "1.0.0"}}
    assert verdict(moment(given, history=[moved], fleet_of=queue), "queue") == "passed"


def test_compatibility_is_judged_by_what_releases_declare() -> None:
    apps = {"web": {"requires": {"apis": {"reviews": "^1"}}}, "reviews": {"provides": {"apis": {"reviews": "1.4.0"}}}}
    shop = fleet(apps=apps)
    assert verdict(moment(fleet_of=shop), "compatibility") == "passed"
    newer = {"version": "1.1.0", "requires": {"apis": {"reviews": "^2"}}}
    assert verdict(moment(after=newer, fleet_of=shop), "compatibility") == "failed"
    other = {"prod": {"reviews": {"version": "2.0.0", "provides": {"apis": {"reviews": "2.0.0"}}}}}
    assert verdict(moment(after=newer, releases=other, fleet_of=shop), "compatibility") == "passed"


def test_a_rollback_over_a_migration_is_seen_from_history() -> None:
    orders = {"provides": {"schemas": {"orders": "2.0.0"}}, "requires": {"schemas": {"orders": "^2"}}}
    shop = fleet(apps={"web": orders})
    old = {"version": "1.0.0", "provides": {"schemas": {"orders": "1.0.0"}}, "requires": {"schemas": {"orders": "^1"}}}
    back = {"kind": "rollback", "after": old, "before": {"version": "1.1.0"}}
    assert verdict(moment({**GIVEN, **back}, fleet_of=shop), "compatibility") == "failed"


def test_objects_are_judged_for_the_version_of_each_cluster() -> None:
    budget = {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}
    assert verdict(moment(objects=[budget]), "api-removals") == "pending"
    versions = {"prod-eu": "1.24", "prod-us": "1.24"}
    assert verdict(moment(objects=[budget], versions=versions), "api-removals") == "passed"
    assert verdict(moment(objects=[budget], versions={**versions, "prod-us": "1.25"}), "api-removals") == "failed"


def test_what_is_pinned_in_the_fleet_does_not_matter() -> None:
    from tests.unit.promotion.plans import NEW, release

    policies = {"staging": {"soak": "1h", "queue": "fifo"}}
    pins = {("staging", "web"): release("3.0.0", NEW), ("prod", "web"): release("2.0.0", NEW)}
    for to in ("staging", "prod"):
        given = {**GIVEN, "to": to}
        assert moment(given, fleet_of=fleet(policies)) == moment(given, fleet_of=fleet(policies, pins=pins))


def test_every_gate_of_fleet_can_be_named() -> None:
    git = {"branch", "mergeable", "plan", "render"}  # what no scenario can tell
    assert RESERVED - git <= set(KINDS)
