from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fleet.engine.gates import queue
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.restriction import Rejection, Restrictions
from tests.unit.promotion.cases import ADA, NOW, case, fleet, seen
from tests.unit.promotion.plans import NEW, OLD, release

HOUR = timedelta(hours=1)
BEFORE = release("1.0.0", OLD)
TARGET = Target("web", "staging", "staging")
LATEST = {"soak": "2h"}
FIFO = {"queue": "fifo"}


def gate(policy: dict[str, Any], *, pinned: Any = None, **more: Any) -> list[GateResult]:
    """Return the verdict about a promotion to staging, which has another release; prod has a third one."""
    status = more.pop("status", {"since": NOW - HOUR})
    pins = {("prod", "web"): pinned or release("0.9.0", "3" * 40)}
    given: dict[str, Any] = {"source": "dev", "environment": "staging", "before": BEFORE}
    of = fleet({"staging": policy}, pins=pins)
    return [*queue.judge(case(fleet_of=of, targets=[seen(TARGET, BEFORE, **status)], **(given | more)))]


def entry(environment: str, kind: PromotionKind = PromotionKind.PROMOTION) -> HistoryEntry:
    return HistoryEntry(id="c" * 12, kind=kind, app="web", environment=environment, after=BEFORE, time=NOW - 9 * HOUR)


def test_a_soak_in_progress_is_not_interrupted() -> None:
    (found,) = gate(LATEST)
    assert (found.name, found.verdict, found.holds) == ("queue(staging)", Verdict.PENDING, "open")
    assert found.reason == "1.0.0 (1111111) soaks: 1h of 2h done"
    assert (found.clears, found.earliest) == ("time", NOW + HOUR)


@pytest.mark.parametrize(
    "policy",
    [{}, {"soak": "2h", "interruptSoak": True}, {"soak": "0s"}, {"queue": "train"}],
    ids=["no soak", "may be interrupted", "no time", "train"],
)
def test_nothing_is_asked_where_nothing_is_protected(policy: dict[str, Any]) -> None:
    assert gate(policy) == []


def test_where_nothing_comes_next_nothing_waits() -> None:
    for policy in (LATEST, FIFO):
        assert not [*queue.judge(case({"prod": policy}))]


@pytest.mark.parametrize("policy", [LATEST, FIFO])
def test_a_rollback_and_a_first_release_do_not_wait(policy: dict[str, Any]) -> None:
    assert gate(policy, kind=PromotionKind.ROLLBACK, source=None) == []
    assert gate(policy, before=None) == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"since": NOW - 2 * HOUR}, "the soak of 1.0.0 (1111111) is over"),
        ({"status": HealthStatus.FAILED, "reason": "crash loop"}, "1.0.0 (1111111) has failed there"),
        ({"status": HealthStatus.UNKNOWN, "problems": ("no",), "exact": False}, "1.0.0 (1111111) has failed there"),
    ],
)
def test_what_does_not_soak_may_be_replaced(status: dict[str, Any], reason: str) -> None:
    (found,) = gate(LATEST, status=status)
    assert (found.verdict, found.reason) == (Verdict.PASSED, reason)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"since": None}, "does not tell since when"),
        ({"exact": False}, "it is not live yet"),
        ({"status": HealthStatus.UNKNOWN, "reason": "refused", "exact": False}, "cannot be asked: refused"),
    ],
)
def test_what_may_soak_is_protected(status: dict[str, Any], why: str) -> None:
    (found,) = gate(LATEST, status=status)
    assert found.verdict is Verdict.PENDING
    assert why in found.reason
    assert found.hint == "fleet status -e staging -a web"


@pytest.mark.parametrize("policy", [LATEST, FIFO])
def test_a_release_that_has_moved_on_or_never_will_lets_the_next_one_come(policy: dict[str, Any]) -> None:
    rejected = Restrictions(
        rejections=(Rejection(app="web", version="1.0.0", revision=OLD, owner=ADA, reason="bad", created=NOW),)
    )
    reasons = [
        gate(policy, pinned=BEFORE),
        gate(policy, history=[entry("prod")]),
        gate(policy, history=[entry("staging", PromotionKind.ROLLBACK)]),
        gate(policy, observed={"restrictions": rejected}),
    ]
    assert [[r.verdict for r in found] for found in reasons] == [[Verdict.PASSED]] * 4
    assert [found[0].reason for found in reasons] == [
        "1.0.0 (1111111) has moved on",
        "1.0.0 (1111111) has moved on",
        "1.0.0 (1111111) came by a rollback",
        "1.0.0 (1111111) was rejected",
    ]


def test_one_after_the_other() -> None:
    (found,) = gate(FIFO, status={"since": NOW - 99 * HOUR}, history=[entry("staging")])
    assert (found.verdict, found.earliest) == (Verdict.PENDING, None)
    assert found.reason == ("1.0.0 (1111111) has not moved on to `prod` yet, and releases go one after the other")
    assert found.hint == "fleet promote web --to prod"


def test_releases_from_outside_queue_too() -> None:
    (found,) = gate(FIFO, kind=PromotionKind.RELEASE, source=None)
    assert found.verdict is Verdict.PENDING
    assert NEW != OLD
