"""Deployment frequency, lead time, failure rate and recovery, as the engine measures them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.console.views.dora import duration
from fleet.engine.dora import landing_of, measure, spread
from fleet.engine.lead import Arrivals, Node, starts
from fleet.model.dora import DoraRow
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {
    "p": PromotionKind.PROMOTION,
    "r": PromotionKind.ROLLBACK,
    "n": PromotionKind.RELEASE,
    "m": PromotionKind.MANUAL,
    "h": PromotionKind.HOTFIX,
}


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def release(number: int, revision: str | None = None, image: str = "") -> Release:
    return Release(
        version=f"{number}.0.0", revision=revision or f"{number:040x}", images={"web": image} if image else {}
    )


def entry(number: int, hours: float, kind: str = "p", **more: Any) -> HistoryEntry:
    given: dict[str, Any] = {
        "id": f"{number:012x}",
        "commit": f"{number:040x}",
        "kind": KINDS[kind],
        "app": "web",
        "environment": "prod",
        "before": release(number - 1) if number > 1 else None,
        "after": release(number),
        "time": at(hours),
    }
    return HistoryEntry(**(given | more))


def row(entries: Sequence[HistoryEntry], started: Any = None, until: float = 168, app: str | None = "web") -> DoraRow:
    rows = measure(tuple(reversed(entries)), started or {}, since=START, until=at(until))
    (found,) = [r for r in rows if r.app == app and r.environment == "prod"]
    return found


def test_frequency_counts_what_went_forward() -> None:
    found = row([entry(1, 1, "m"), entry(2, 2), entry(3, 3, "n"), entry(4, 4, "r"), entry(5, 200)])
    assert (found.deployments, found.per_week) == (2, 2.0)
    assert row([entry(1, 1), entry(2, 2)], until=84).per_week == 4.0


def test_a_rollback_makes_the_release_before_it_a_failure() -> None:
    found = row([entry(1, 0), entry(2, 10), entry(3, 12.5, "r"), entry(4, 20)])
    assert (found.deployments, found.failures) == (3, 1)
    assert found.failure_rate == 1 / 3
    assert (found.recovery.count, found.recovery.median, found.recovery.p90) == (1, 9000, 9000)


def test_a_hotfix_does_so_within_seven_days_only() -> None:
    marked: list[dict[str, Any]] = [
        {"subject": "Hotfix: no more zeros"},
        {"trailers": {"Fleet-Hotfix": ("yes",)}},
        {"kind": "h"},
    ]
    for mark in marked:
        assert row([entry(1, 0), entry(2, 10, **mark)]).failures == 1
        assert row([entry(1, 0), entry(2, 169, **mark)], until=200).failures == 0
    assert row([entry(1, 0), entry(2, 10, subject="hotfixture")]).failures == 0


def test_nothing_deployed_has_no_rate() -> None:
    found = row([entry(1, 0, "m")])
    assert (found.deployments, found.failure_rate, found.lead_time.median) == (0, None, None)


def test_lead_time_is_spread_by_nearest_rank() -> None:
    entries = [entry(n, n) for n in range(1, 11)]
    started = {landing_of(e): e.time - timedelta(hours=n) for n, e in enumerate(entries, 1)}
    found = row(entries, started).lead_time
    assert (found.count, found.median, found.p90) == (10, 5 * 3600, 9 * 3600)
    assert row(entries, {landing_of(entries[0]): at(500)}).lead_time.median == 0  # a clock that goes wrong


def test_an_environment_is_the_sum_of_its_apps() -> None:
    entries = [entry(1, 1), entry(2, 2, app="api"), entry(3, 3, "r")]
    rows = measure(tuple(reversed(entries)), {}, since=START, until=at(168), order=["prod"])
    assert [(r.app, r.deployments, r.failures) for r in rows] == [(None, 2, 1), ("api", 1, 0), ("web", 1, 1)]


# ── lead time ──


def node(name: str, *parents: str, hours: float = 0) -> Node:
    return Node(name * 40, tuple(p * 40 for p in parents), at(hours))


def test_commits_arrive_with_the_merge_that_brings_them() -> None:
    nodes = [node("d", "b", "c"), node("c", "a"), node("b", "a"), node("a")]
    arrivals = Arrivals(nodes)
    assert [arrivals.of(name * 40) for name in "abcd"] == [0, 1, 2, 2]
    assert arrivals.of("e" * 40) is None
    assert Arrivals([]).of("a" * 40) is None


def test_work_begins_with_the_first_commit_that_is_new_in_the_release() -> None:
    nodes = [node("e", "d", hours=9), node("d", "b", "c", hours=8), node("c", "a", hours=2), node("b", "a", hours=5)]
    nodes.append(node("a"))
    one = entry(1, 10, before=release(1, "a" * 40), after=release(2, "d" * 40))
    two = entry(2, 20, before=release(2, "d" * 40), after=release(3, "e" * 40))
    arrivals = Arrivals(nodes)
    found = starts((two, one), arrivals, {"web": nodes})
    assert found == {landing_of(one): at(2), landing_of(two): at(9)}
    assert starts((two, one), arrivals, {"web": nodes[2:]}) == {landing_of(one): at(2)}


def test_a_release_of_new_images_only_begins_where_it_first_landed() -> None:
    new = release(2, "a" * 40, "web:2")
    dev = entry(1, 3, "n", environment="dev", before=release(1, "a" * 40), after=new)
    prod = entry(2, 7, before=release(1, "a" * 40), after=new)
    assert starts((prod, dev), Arrivals([node("a")]), {"web": [node("a")]}) == {landing_of(prod): at(3)}


def test_the_first_release_has_no_lead_time() -> None:
    assert starts((entry(1, 3, before=None),), Arrivals([node("a")]), {}) == {}


# ── properties ──

STEPS = st.lists(st.tuples(st.sampled_from("pnrm"), st.floats(0, 400), st.booleans()), max_size=30)


@given(STEPS)
def test_any_history(steps: list[tuple[str, float, bool]]) -> None:
    hours = sorted(step[1] for step in steps)
    entries = [
        entry(n, hours[n - 1], kind, subject="hotfix" if fix else "") for n, (kind, _, fix) in enumerate(steps, 1)
    ]
    rows = measure(tuple(reversed(entries)), {}, since=START, until=at(200))
    for one in rows:
        assert 0 <= one.failures <= one.deployments
        assert one.recovery.count == one.failures
        assert (one.failure_rate is None) == (one.deployments == 0)
        if one.recovery.median is not None and one.recovery.p90 is not None:
            assert 0 <= one.recovery.median <= one.recovery.p90
    if rows:
        whole, web = rows
        assert whole.model_copy(update={"app": "web"}) == web
        halves = [
            measure(tuple(reversed(entries)), {}, since=a, until=b)[0].deployments
            for a, b in ((START, at(100)), (at(100), at(200)))
        ]
        assert sum(halves) == whole.deployments


@given(st.lists(st.timedeltas(timedelta(), timedelta(days=900)), min_size=1))
def test_a_spread_names_values_that_were_measured(values: list[timedelta]) -> None:
    found = spread(values)
    seconds = {value.total_seconds() for value in values}
    assert found.median in seconds
    assert found.p90 in seconds
    assert sum(1 for s in seconds if s <= (found.p90 or 0)) >= 0.9 * len(seconds) or len(seconds) < len(values)


def test_durations_for_people() -> None:
    texts = [duration(s) for s in (None, 0, 59.4, 60, 3599, 3600, 93_780, 90_000)]
    assert texts == ["", "0s", "59s", "1m", "59m 59s", "1h", "1d 2h", "1d 1h"]
