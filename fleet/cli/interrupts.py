"""Ctrl-C in two steps: the first one finishes what runs, the second one stops at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.operations.common.stopping import Stop


@contextmanager
def graceful(stop: Stop) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into a wish to stop; the next one raises KeyboardInterrupt."""
    if current_thread() is not main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.request()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
