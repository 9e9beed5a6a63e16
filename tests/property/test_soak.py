"""Soaks only ever get shorter as time goes by, and nothing else about the world moves their end."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.gates import queue, soak
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release
from tests.unit.promotion.cases import NOW, case, fleet, seen
from tests.unit.promotion.plans import NEW, OLD, release

SECONDS = st.integers(0, 20_000).map(lambda n: timedelta(seconds=n))
AFTER = release("1.1.0", NEW)
OTHERS = st.sampled_from([release("1.2.0", "3" * 40), release("1.3.0", "4" * 40), release("1.0.0", OLD)])


def came(environment: str, after: Release, time: datetime) -> HistoryEntry:
    return HistoryEntry(
        id="c" * 12, kind=PromotionKind.PROMOTION, app="web", environment=environment, after=after, time=time
    )


@st.composite
def soaks(draw: st.DrawFn) -> tuple[int, list[timedelta], timedelta]:
    return draw(st.integers(1, 15_000)), draw(st.lists(SECONDS, min_size=2, max_size=2)), draw(SECONDS)


def judge(drawn: tuple[int, list[timedelta], timedelta], later: timedelta, waiting: list[Release]) -> GateResult:
    length, ages, arrived = drawn
    targets = [
        seen(Target("web", "dev", f"dev-{n}"), AFTER, since=NOW - age) for n, age in zip("ab", ages, strict=True)
    ]
    history = [came("prod", one, NOW + later) for one in waiting] + [came("dev", AFTER, NOW - arrived)]
    policy = {"dev": {"soak": f"{length}s"}}
    (found,) = soak.judge(
        case(policy, targets=targets, source="dev", environment="staging", now=NOW + later, history=history)
    )
    return found


@given(soaks(), st.lists(SECONDS, min_size=1, max_size=8), st.lists(OTHERS, max_size=4))
def test_time_only_brings_the_end_nearer(
    drawn: tuple[int, list[timedelta], timedelta], times: list[timedelta], waiting: list[Release]
) -> None:
    length, ages, arrived = drawn
    end = NOW - min(*ages, arrived) + timedelta(seconds=length)
    passed = False
    for later in sorted(times):
        found = judge(drawn, later, waiting)
        assert (found.verdict is Verdict.PASSED) is (end <= NOW + later)
        assert not (passed and found.verdict is not Verdict.PASSED)
        passed = found.verdict is Verdict.PASSED
        assert found.earliest == (None if passed else end)
        assert judge(drawn, later, []) == found  # what comes and goes elsewhere changes nothing
        if not passed:
            assert judge(drawn, end - NOW, waiting).verdict is Verdict.PASSED


@given(soaks(), SECONDS, st.booleans())
def test_the_queue_waits_exactly_as_long_as_the_next_environment_would(
    drawn: tuple[int, list[timedelta], timedelta], later: timedelta, interrupt: bool
) -> None:
    length, ages, arrived = drawn
    policy = {"dev": {"soak": f"{length}s", "interruptSoak": interrupt}}
    targets = [
        seen(Target("web", "dev", f"dev-{n}"), AFTER, since=NOW - age) for n, age in zip("ab", ages, strict=True)
    ]
    newer = case(
        fleet_of=fleet(policy),
        kind=PromotionKind.RELEASE,
        environment="dev",
        before=AFTER,
        after=release("1.2.0", "3" * 40),
        targets=targets,
        now=NOW + later,
        history=[came("dev", AFTER, NOW - arrived)],
    )
    found = [*queue.judge(newer)]
    if interrupt:
        assert found == []
    else:
        own = judge(drawn, later, [])
        assert [(r.verdict, r.earliest) for r in found] == [(own.verdict, own.earliest)]
