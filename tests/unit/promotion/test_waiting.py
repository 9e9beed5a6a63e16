from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleet.model.events import Message
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind, PromotionPlan
from fleet.operations.common.planning import Planned
from fleet.operations.common.waiting import LONGEST, until_time_has_passed
from tests.helpers.reporting import RecordingReporter
from tests.unit.promotion.cases import NOW
from tests.unit.promotion.plans import NEW, OLD, release

END = NOW + timedelta(minutes=12)


@dataclass
class World:
    """Time that only goes by while somebody sleeps."""

    gates: Any
    slept: list[float] = field(default_factory=list)
    reporter: RecordingReporter = field(default_factory=RecordingReporter)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return sum(self.slept)

    def look(self) -> Sequence[Planned]:
        plan = PromotionPlan(
            kind=PromotionKind.PROMOTION,
            app="web",
            source="staging",
            environment="prod",
            base="b" * 40,
            before=release("1.0.0", OLD),
            after=release("1.1.0", NEW),
            pin_path="x",
            branch="y",
            title="z",
            gates=tuple(self.gates(self.now())),
        )
        return [Planned("web", "prod", plan)]

    def wait(self, timeout: float = 3600) -> Planned:
        found = until_time_has_passed(
            self.look, lambda p: p, timeout, clock=self, sleep=self.slept.append, reporter=self.reporter
        )
        return found[0]

    @property
    def told(self) -> list[str]:
        return [event.text for event in self.reporter.events if isinstance(event, Message)]


def soak(now: datetime) -> list[GateResult]:
    over = now >= END
    verdict = Verdict.PASSED if over else Verdict.PENDING
    end = None if over else END
    clears = None if over else "time"
    return [GateResult(name="soak(staging)", verdict=verdict, reason="", holds="open", clears=clears, earliest=end)]


def test_it_waits_until_the_soak_is_over_and_not_longer() -> None:
    world = World(soak)
    assert world.wait().ready
    assert world.now() == END
    assert max(world.slept) <= LONGEST
    assert world.told == ["waiting for time to pass: web: soak(staging) passes at 2026-03-04 12:12:00 UTC"]


def test_a_timeout_ends_it_with_what_is_known_then() -> None:
    world = World(soak)
    found = world.wait(timeout=90)
    assert not found.ready
    assert [gate.name for gate in found.plan.blocked_by] == ["soak(staging)"]  # type: ignore[union-attr]
    assert world.monotonic() == 90


@pytest.mark.parametrize(
    "other",
    [
        GateResult(name="health(staging)", verdict=Verdict.FAILED, reason="crash loop", holds="open"),
        GateResult(name="rejected", verdict=Verdict.FAILED, reason="bad", holds="open"),
    ],
)
def test_where_another_gate_says_no_nobody_waits(other: GateResult) -> None:
    world = World(lambda now: [*soak(now), other])
    world.wait()
    assert world.slept == []


def test_what_only_people_can_clear_or_what_holds_the_merge_is_not_waited_for() -> None:
    people = GateResult(name="lock(prod)", verdict=Verdict.PENDING, reason="locked", holds="open")
    freeze = GateResult(
        name="window(prod)", verdict=Verdict.PENDING, reason="", holds="merge", clears="time", earliest=END
    )
    world = World(lambda _: [people, freeze])
    world.wait()
    assert world.slept == []


def test_a_soak_that_starts_anew_is_waited_for_and_told_again() -> None:
    def gates(now: datetime) -> list[GateResult]:
        later = END + timedelta(minutes=5) if now >= NOW + timedelta(minutes=6) else END
        if now >= later:
            return []
        return [
            g.model_copy(update={"earliest": later, "verdict": Verdict.PENDING, "clears": "time"}) for g in soak(now)
        ]

    world = World(gates)
    world.wait()
    assert world.now() == END + timedelta(minutes=5)
    assert len(world.told) == 2
