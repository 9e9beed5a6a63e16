"""The gate `metric` against a real Prometheus, whose samples are written before it starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fleet.model.observation import ProbeAnswer
from tests.integration.probes.prometheus import metrics, running
from tests.unit.probes.asking import NOW, ask, ask_one

MINUTES = 40
"""Minutes of samples up to NOW, one every 15 seconds."""


def _samples() -> str:
    """Return series that are fine, and series that are not."""
    end = int(NOW.timestamp())
    times = range(end - MINUTES * 60, end + 1, 15)
    series = {
        'steady{app="web",pod="a"}': [(t, "0.01") for t in times],
        'steady{app="web",pod="b"}': [(t, "0.02") for t in times],
        'spike{app="web"}': [(t, "7" if end - 330 <= t <= end - 300 else "1") for t in times],
        'gap{app="web"}': [(t, "1") for t in times if not end - 1200 < t < end - 300],
        'empty{app="web"}': [(t, "NaN" if t > end - 120 else "1") for t in times],
        'endless{app="web"}': [(t, "+Inf") for t in times],
        'late{app="web"}': [(t, "1") for t in times if t >= end - 60],
        'gone{app="web"}': [(t, "1") for t in times if t <= end - 1800],
    }
    return metrics(series)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a Prometheus that has the samples."""
    with running(tmp_path_factory.mktemp("prometheus"), _samples()) as place:
        yield place


def metric(place: str, query: str, operator: str, threshold: float, over: str = "5m", **more: Any) -> ProbeAnswer:
    spec = {"url": f"http://{place}", "query": query, "operator": operator, "threshold": threshold, "over": over}
    return ask_one({"metric": {**spec, **more}}, hosts=[place])


@pytest.mark.parametrize(
    ("query", "operator", "threshold", "over", "passed", "reason"),
    [
        ("steady", "<", 0.05, "5m", True, "at worst 0.02 of app=web, pod=b < 0.05 over 5m (2 series)"),
        ("steady", "<", 0.02, "5m", False, "0.02 of app=web, pod=b is not < 0.02 over 5m (2 series)"),
        ("steady", "<=", 0.02, "5m", True, "at worst 0.02"),
        ("steady", ">", 0, "30m", True, "at worst 0.01 of app=web, pod=a > 0 over 30m"),
        ("steady", ">=", 0.015, "5m", False, "0.01 of app=web, pod=a is not >= 0.015"),
        ("steady", "==", 0.01, "5m", False, "0.02 of app=web, pod=b is not == 0.01"),
        ("steady", "!=", 0.01, "5m", False, "0.01 of app=web, pod=a is not != 0.01"),
        ('sum(steady{{app="{app}"}})', "<", 0.05, "5m", True, "at worst 0.03 < 0.05 over 5m (1 series)"),
        ('steady{{app="{app}",pod=~"a|b"}}', "<", 1, "5m", True, "(2 series)"),
        ("spike", "<", 5, "4m", True, "at worst 1"),
        ("spike", "<", 5, "10m", False, "7 of app=web is not < 5 over 10m"),
        ("gap", "==", 1, "2m", True, "at worst 1"),
        ("gap", "==", 1, "30m", None, "there are samples at "),
        ("late", "==", 1, "5m", None, "there are samples at "),
        ("gone", "==", 1, "5m", None, "the query has no series"),
        ("nothing_like_it", "<", 1, "5m", None, "the query has no series"),
        ("empty", ">=", 1, "5m", None, "samples are no number (NaN) of app=web"),
        ("empty", "!=", 7, "5m", None, "NaN"),
        ("empty", ">", 1, "5m", False, "1 of app=web is not > 1"),
        ("steady / 0 * 0", "<", 1, "5m", None, "NaN"),
        ("endless", ">", 5, "5m", True, "at worst inf"),
        ("endless", "<", 5, "5m", False, "inf of app=web is not < 5"),
        ("vector(3)", ">", 2, "5m", True, "at worst 3 > 2"),
        ("steady{{", "<", 1, "5m", None, "answered 400: bad_data"),
        ("steady{what}", "<", 1, "5m", None, "`{what}` is no placeholder"),
    ],
)
def test_every_sample_of_every_series_counts(
    prometheus: str, query: str, operator: str, threshold: float, over: str, passed: bool | None, reason: str
) -> None:
    answer = metric(prometheus, query, operator, threshold, over)
    assert answer.passed is passed, answer.reason
    assert reason in answer.reason
    assert "\n" not in answer.reason


def test_the_time_that_is_looked_at_ends_now(prometheus: str) -> None:
    spec = {"url": f"http://{prometheus}/", "query": "spike", "operator": "<", "threshold": 5, "over": "2m"}
    (now,) = ask({"metric": spec}, hosts=[prometheus]).values()
    (then,) = ask({"metric": spec}, hosts=[prometheus], now=NOW - timedelta(minutes=5)).values()
    assert (now.passed, then.passed) == (True, False)


def test_a_server_that_is_gone_leaves_it_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    answer = metric(place, "up", ">", 0)
    assert answer.passed is None
    assert "cannot be reached" in answer.reason
