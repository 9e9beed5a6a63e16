"""How much is taken from a registry, and for how long it is waited."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one question; times are seconds, sizes bytes."""

    deadline: float = 60.0
    """From the question to its answer, with every page, token and repetition."""
    request: float = 20.0
    """One request with its whole answer."""
    connect: float = 5.0
    attempts: int = 4
    """Of one request."""
    first_pause: float = 0.5
    """Before the first repetition; doubles each time."""
    longest_pause: float = 20.0
    """A registry that wants more is not waited for."""
    answer: int = 8 * 1024 * 1024
    """A page of tags."""
    manifest: int = 4 * 1024 * 1024
    """What registries accept: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests."""
    token: int = 64 * 1024
    pages: int = 500
    tags: int = 100_000
    page: int = 1000
    """Tags that a page is asked for."""
    redirects: int = 3
    parallel: int = 8
    """Questions that are asked at the same time."""


def pause(attempt: int, retry_after: str | None, now: datetime, limits: Limits) -> float | None:
    """Return how long to wait before the next attempt; None: longer than anybody should wait.

    Args:
        attempt: number of the attempt that failed, from 0.
        retry_after: what the registry asked for: seconds or a date (RFC 9110, section 10.2.3).
        now: the time.
        limits: the bounds.
    """
    own = min(limits.first_pause * (1 << attempt), limits.longest_pause)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, hides nothing
    wanted = _seconds(retry_after, now)
    if wanted is None:
        return own * jitter
    return wanted if wanted <= limits.longest_pause else None


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
