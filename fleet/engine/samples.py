"""Samples of a Prometheus range query against a threshold: every one of them has to compare well.

Format of the answer: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleet.model.durations import seconds
from fleet.model.policy import MetricGateSpec

_POINTS = 100
"""Points in time that are looked at, of which the first and the last are the ends of the time."""
_LABELS = 3
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What samples say. `passed` is none where they cannot be judged."""

    passed: bool | None
    reason: str


def step_of(over: float) -> float:
    """Return the distance of points in time in seconds: a hundredth of the time, at least a second."""
    return max(1.0, over / _POINTS)


def judge_samples(data: Any, spec: MetricGateSpec) -> Judgement:
    """Return what the `data` of a range query says about a gate.

    Not judged, and so pending, are: an answer without a series; a time that is not covered (at some point in it no
    series has a sample); a sample that is not a number, such as a rate of errors where nothing was asked.
    """
    over = seconds(spec.over)
    series = data.get("result") if isinstance(data, Mapping) and data.get("resultType") == "matrix" else None
    if not isinstance(series, list):
        return Judgement(None, "the answer is no range of samples")
    if not series:
        return Judgement(None, "the query has no series")
    try:
        parsed = [(_labels(one), [(float(at), float(value)) for at, value in one["values"]]) for one in series]
    except (AttributeError, KeyError, TypeError, ValueError):
        return Judgement(None, "the answer holds something that is no sample (histograms cannot be compared)")
    bad = [
        (labels, value)
        for labels, samples in parsed
        for _, value in samples
        if not math.isnan(value) and not _COMPARE[spec.operator](value, spec.threshold)
    ]
    number = "1 series" if len(parsed) == 1 else f"{len(parsed)} series"
    if bad:
        labels, value = _worst(bad, spec)
        reason = f"{_number(value)}{labels} is not {spec.operator} {_number(spec.threshold)} over {spec.over}"
        return Judgement(False, f"{reason} ({number})")
    values = [(labels, value) for labels, samples in parsed for _, value in samples]
    missing = [labels for labels, value in values if math.isnan(value)]
    if missing:
        return Judgement(None, f"{len(missing)} of {len(values)} samples are no number (NaN){missing[0]}")
    points = math.floor(over / step_of(over) + 1e-9) + 1
    found = len({at for _, samples in parsed for at, _ in samples})
    if found < points:
        return Judgement(None, f"there are samples at {found} of {points} points of the last {spec.over}")
    labels, value = _worst(values, spec)
    return Judgement(
        True, f"at worst {_number(value)}{labels} {spec.operator} {_number(spec.threshold)} over {spec.over} ({number})"
    )


def _worst(values: Sequence[tuple[str, float]], spec: MetricGateSpec) -> tuple[str, float]:
    """Return the sample that is farthest on the wrong side, or nearest to it."""
    match spec.operator:
        case "<" | "<=":
            return max(values, key=lambda one: one[1])
        case ">" | ">=":
            return min(values, key=lambda one: one[1])
        case "==":
            return max(values, key=lambda one: abs(one[1] - spec.threshold))
        case _:
            return min(values, key=lambda one: abs(one[1] - spec.threshold))


def _labels(series: Mapping[str, Any]) -> str:
    metric = series.get("metric") or {}
    shown = [f"{key}={' '.join(str(value).split())[:40]}" for key, value in sorted(metric.items()) if key != "__name__"]
    return f" of {', '.join(shown[:_LABELS])}" if shown else ""


def _number(value: float) -> str:
    return f"{value:.6g}"
