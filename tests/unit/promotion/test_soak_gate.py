from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fleet.engine.gates import soak
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.observation import TargetObservation
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release
from tests.unit.promotion.cases import NOW, case, seen
from tests.unit.promotion.plans import NEW, release

POLICY = {"dev": {"soak": "2h"}}
HOUR = timedelta(hours=1)


def came(
    environment: str, after: Release, time: datetime, kind: PromotionKind = PromotionKind.PROMOTION
) -> HistoryEntry:
    return HistoryEntry(id="c" * 12, kind=kind, app="web", environment=environment, after=after, time=time)


def targets(*since: datetime | None, **more: Any) -> list[TargetObservation]:
    return [seen(Target("web", "dev", f"dev-{n}"), since=s, **more) for n, s in zip("ab", since, strict=True)]


def gate(*since: datetime | None, policy: Any = POLICY, seen_as: Any = None, **more: Any) -> GateResult:
    found = targets(*since, **(seen_as or {}))
    (result,) = soak.judge(case(policy, targets=found, source="dev", environment="staging", **more))
    return result


def test_without_a_soak_there_is_no_gate() -> None:
    assert not [*soak.judge(case())]
    assert not [*soak.judge(case({"staging": {"soak": "0s"}}))]
    assert not [*soak.judge(case({"staging": {"soak": "2h"}}, kind=PromotionKind.ROLLBACK))]
    assert not [*soak.judge(case({"prod": {"soak": "2h"}}))]  # that is about leaving prod


def test_the_youngest_cluster_counts() -> None:
    found = gate(NOW - 9 * HOUR, NOW - timedelta(hours=1, minutes=12, seconds=40))
    assert (found.name, found.verdict, found.holds) == ("soak(dev)", Verdict.PENDING, "open")
    assert found.reason == "1h12m of 2h done"
    assert (found.clears, found.earliest) == ("time", NOW - timedelta(minutes=72, seconds=40) + 2 * HOUR)


def test_it_is_over_at_its_last_second() -> None:
    assert gate(NOW - 2 * HOUR, NOW - 3 * HOUR).verdict is Verdict.PASSED
    assert gate(NOW - 2 * HOUR + timedelta(seconds=1), NOW - 3 * HOUR).verdict is Verdict.PENDING
    found = gate(NOW - 3 * HOUR, NOW - 4 * HOUR)
    assert (found.reason, found.since, found.earliest) == ("2h done", NOW - HOUR, None)


def test_a_clock_ahead_of_ours_counts_as_now() -> None:
    found = gate(NOW + HOUR, NOW)
    assert (found.verdict, found.reason, found.earliest) == (Verdict.PENDING, "0s of 2h done", NOW + 3 * HOUR)


def test_it_does_not_start_before_everything_is_healthy() -> None:
    found = gate(NOW - 9 * HOUR, NOW - 9 * HOUR, seen_as={"status": HealthStatus.PROGRESSING, "reason": "0 of 1 ready"})
    assert (found.verdict, found.earliest, found.clears) == (Verdict.PENDING, None, "time")
    assert found.reason == "it starts when the release is healthy everywhere: dev-a: progressing: 0 of 1 ready"


def test_another_release_that_is_healthy_does_not_soak_for_this_one() -> None:
    found = gate(NOW - 9 * HOUR, NOW - 9 * HOUR, seen_as={"exact": False})
    assert (found.verdict, found.earliest) == (Verdict.PENDING, None)


def test_what_is_not_known_holds() -> None:
    found = gate(NOW - 9 * HOUR, None)
    assert (found.verdict, found.earliest) == (Verdict.PENDING, None)
    assert found.reason == "it cannot be measured: dev-b does not tell since when it is healthy"
    nobody = case(POLICY, targets=[], source="dev", environment="staging")
    assert [r.verdict for r in soak.judge(nobody)] == [Verdict.PENDING]


def test_a_release_with_the_objects_of_the_one_before_soaks_from_its_own_arrival() -> None:
    history = [came("staging", release(), NOW), came("dev", release("1.1.0", NEW), NOW - HOUR)]
    found = gate(NOW - 9 * HOUR, NOW - 9 * HOUR, history=history)
    assert (found.verdict, found.reason) == (Verdict.PENDING, "1h of 2h done")


def test_a_newer_release_that_waits_upstream_changes_nothing() -> None:
    arrived = came("dev", release("1.1.0", NEW), datetime(2026, 1, 1, tzinfo=UTC))
    waiting = came("upstream", release("1.2.0", "3" * 40), NOW)
    assert gate(NOW - HOUR, NOW - HOUR, history=[waiting, arrived]) == gate(NOW - HOUR, NOW - HOUR, history=[arrived])
