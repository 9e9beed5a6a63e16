"""A wish to stop, made by one thread (or a signal handler) and heeded by others."""

from __future__ import annotations

from collections.abc import Callable


class Stop:
    """Set once, never taken back. Requesting is safe inside a signal handler: it takes no lock."""

    def __init__(self) -> None:
        self._requested = False
        self._callbacks: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self._requested

    def on_request(self, callback: Callable[[], None]) -> None:
        """Have something called at the (first) request."""
        self._callbacks.append(callback)

    def request(self) -> None:
        """Ask to stop: what runs is finished, nothing more is started."""
        if not self._requested:
            self._requested = True
            for callback in self._callbacks:
                callback()
