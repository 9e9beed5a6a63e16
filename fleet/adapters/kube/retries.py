"""When a request is repeated, and when a cluster is left alone for a while."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from dataclasses import dataclass

from fleet.errors import UnreachableError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).

    Only idempotent requests are sent here (reads, server-side apply, delete), so each may be repeated.
    """

    attempts: int = 4
    base: float = 0.1
    """Seconds; doubles with each attempt."""
    cap: float = 2.0
    retry_after_cap: float = 10.0
    """Longest ``Retry-After`` that is honoured by waiting, in seconds."""

    def pause(self, attempt: int, headers: http.client.HTTPMessage | None = None) -> float:
        """Return seconds to wait after attempt number ``attempt`` (from 0)."""
        most = min(self.cap, self.base * (1 << attempt))
        jitter = most * secrets.randbelow(1_000_000) / 1_000_000
        wanted = (headers.get("Retry-After") or "") if headers is not None else ""
        if wanted.isdecimal():
            return min(float(wanted), self.retry_after_cap) + jitter
        return jitter


class Breaker:
    """Makes calls to a dead cluster fail at once, so that it holds no workers.

    A failure to connect opens it at once, other failures when two come in a row. While it is open, every call fails
    with the first error; after ``pause`` seconds one call is let through to try.
    """

    def __init__(self, pause: float = 5.0) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._until = 0.0
        self._failures = 0
        self._error: tuple[str, str, tuple[str, ...]] | None = None

    def check(self) -> None:
        """Let a call through.

        Raises:
            UnreachableError: the cluster was out of reach a moment ago.
        """
        with self._lock:
            if self._error is None:
                return
            now = time.monotonic()
            if now >= self._until:
                self._until = now + self._pause  # this call tries; the others wait for its result
                return
            message, code, hints = self._error
        raise UnreachableError(message, code=code, hints=hints)

    def succeeded(self) -> None:
        """Close: the cluster answered."""
        with self._lock:
            self._failures, self._error = 0, None

    def failed(self, error: UnreachableError, *, at_once: bool) -> None:
        """Count a failure."""
        with self._lock:
            self._failures += 1
            if at_once or self._failures >= 2:
                self._error = (error.message, error.code, error.hints)
                self._until = time.monotonic() + self._pause
