"""What the gates `http` and `metric` ask, and what they make of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fleet.adapters.probes.asking import Answer, Asker, NoAnswerError
from fleet.engine.expressions import ExpressionError, judge
from fleet.engine.placeholders import PlaceholderError, fill_query, fill_url
from fleet.engine.samples import Judgement, judge_samples, step_of
from fleet.model.durations import seconds
from fleet.model.policy import HttpGateSpec, MetricGateSpec

_DEPTH = 64
"""Levels of nesting of a JSON answer."""
_RETRY_LATER = frozenset((408, 425, 429))


async def ask_http(spec: HttpGateSpec, values: Mapping[str, str], asker: Asker) -> Judgement:
    """Return what a web service says.

    A wrong status is a no, unless it says that there is no answer now: those of 5xx, 408, 425, 429 and redirects.

    Raises:
        NoAnswerError: there is no answer.
    """
    url = _filled(spec.url, values)
    answer = await asker.get(url, timeout=seconds(spec.timeout), token_from=spec.token_from)
    if answer.status != spec.status:
        if 300 <= answer.status < 400:
            return Judgement(None, f"answered {answer.status}: redirects are not followed")
        unclear = answer.status >= 500 or answer.status in _RETRY_LATER
        return Judgement(None if unclear else False, f"answered {answer.status}, not {spec.status}")
    if spec.expect is None:
        return Judgement(True, f"answered {answer.status}")
    shown = " ".join(spec.expect.split())
    shown = shown if len(shown) <= 100 else f"{shown[:99]}…"
    try:
        good = judge(spec.expect, {"body": _json(answer), "status": answer.status})
    except ExpressionError as error:
        return Judgement(None, f"answered {answer.status}, but `{shown}` cannot be judged: {error}")
    return Judgement(good, f"answered {answer.status}, and `{shown}` is {str(good).lower()}")


async def ask_metric(spec: MetricGateSpec, values: Mapping[str, str], asker: Asker, now: datetime) -> Judgement:
    """Return what Prometheus says about the time up to now.

    Raises:
        NoAnswerError: there is no answer.
    """
    over = seconds(spec.over)
    try:
        query = fill_query(spec.query, values)
    except PlaceholderError as error:
        raise NoAnswerError(f"the query cannot be used: {error}") from error
    end = now.timestamp()
    parameters = {
        "query": query,
        "start": f"{end - over:.3f}",
        "end": f"{end:.3f}",
        "step": f"{step_of(over):.3f}",
        "timeout": f"{max(1, int(seconds(spec.timeout)))}s",
    }
    url = _below(_filled(spec.url, values), "/api/v1/query_range")
    answer = await asker.get(url, timeout=seconds(spec.timeout), token_from=spec.token_from, query=parameters)
    if 300 <= answer.status < 400:
        raise NoAnswerError(f"answered {answer.status}: redirects are not followed")
    try:
        data = _json(answer)
    except NoAnswerError as error:
        if answer.status != 200:
            raise NoAnswerError(f"answered {answer.status}") from error
        raise
    if not isinstance(data, Mapping) or data.get("status") != "success":
        raise NoAnswerError(f"answered {answer.status}{_error_of(data)}")
    return judge_samples(data.get("data"), spec)


def _filled(url: str, values: Mapping[str, str]) -> str:
    try:
        return fill_url(url, values)
    except PlaceholderError as error:
        raise NoAnswerError(f"the URL cannot be used: {error}") from error


def _below(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, parts.query, ""))


def _json(answer: Answer) -> Any:
    import orjson

    try:
        data = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise NoAnswerError(f"answered {answer.status}, but not with JSON") from error
    if _depth(data) > _DEPTH:
        raise NoAnswerError(f"answered {answer.status} with JSON that is nested more than {_DEPTH} deep")
    return data


def _depth(data: Any) -> int:
    depth, level = 0, [data]
    while level:
        depth += 1
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        ]
    return depth


def _error_of(data: Any) -> str:
    if not isinstance(data, Mapping):
        return ""
    text = " ".join(f"{data.get('errorType', '')}: {data.get('error', '')}".split())
    return f": {text[:160]}" if text != ":" else ""
