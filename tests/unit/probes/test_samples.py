"""Samples against a threshold: properties over any series."""

from __future__ import annotations

import math
import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.samples import judge_samples, step_of
from fleet.model.policy import MetricGateSpec

COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
VALUES = st.floats(width=32, allow_nan=True, allow_infinity=True)


def spec(sign: str, threshold: float, over: str = "5s") -> MetricGateSpec:
    return MetricGateSpec.model_validate(
        {"url": "https://prometheus.example.com", "query": "x", "operator": sign, "threshold": threshold, "over": over}
    )


def matrix(*series: list[float]) -> dict[str, Any]:
    result = [
        {"metric": {"n": str(n)}, "values": [[at, str(v)] for at, v in enumerate(s)]} for n, s in enumerate(series)
    ]
    return {"resultType": "matrix", "result": result}


@given(
    st.sampled_from(sorted(COMPARE)),
    st.floats(-10, 10),
    st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=1, max_size=3),
)
def test_it_passes_only_where_every_sample_does(sign: str, threshold: float, series: list[list[float]]) -> None:
    judged = judge_samples(matrix(*series), spec(sign, threshold))
    values = [value for one in series for value in one]
    bad = [v for v in values if not math.isnan(v) and not COMPARE[sign](v, threshold)]
    complete = max(len(one) for one in series) == 6 and not any(math.isnan(v) for v in values)
    assert judged.passed is (False if bad else True if complete else None)
    assert judged.reason


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"resultType": "vector", "result": []},
        {"resultType": "matrix", "result": []},
        {"resultType": "matrix", "result": {}},
        {"resultType": "matrix", "result": [{}]},
        {"resultType": "matrix", "result": [{"metric": {}, "values": [[1]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "x"]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "histograms": [[1, {}]]}]},
        {"resultType": "matrix", "result": ["x"]},
        {"resultType": "matrix", "result": [{"metric": [], "values": []}]},
    ],
)
def test_what_is_no_range_of_samples_is_not_judged(data: Any) -> None:
    assert judge_samples(data, spec("<", 1)).passed is None


@given(st.floats(0.001, 31 * 86400))
def test_a_hundred_points_at_most_and_a_second_apart_at_least(over: float) -> None:
    assert step_of(over) >= 1
    assert over / step_of(over) <= 100.0001
