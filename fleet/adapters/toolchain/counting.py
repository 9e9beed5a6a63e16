"""Tells how far a long piece of work has come: a bar on a terminal, and a line now and then for a log."""

from __future__ import annotations

import time

from fleet.model.events import Advanced, Level, Message, Started
from fleet.ports.reporter import Reporter

_LINE_SECONDS = 30.0


class Counter:
    """Counts units of one group of work; begins with the first one.

    Args:
        reporter: told every step.
        title: what is done: `compile etcd 3.6.8`.
        total: how many units there are, or at most.
        unit: their name: `packages`.
    """

    def __init__(self, reporter: Reporter, title: str, total: int, unit: str) -> None:
        self._reporter = reporter
        self._title = title
        self._total = total
        self._unit = unit
        self._done = 0
        self._told = 0.0
        self._started = False

    def start(self) -> None:
        """Begin, if that has not happened."""
        if not self._started:
            self._started = True
            self._told = time.monotonic()
            self._reporter.emit(Started(f"{self._title} ({self._unit})", self._total))

    def advance(self, units: int = 1) -> None:
        """Count units that are done."""
        self.start()
        for _ in range(min(units, self._total - self._done)):
            self._done += 1
            self._reporter.emit(Advanced())
        now = time.monotonic()
        if now - self._told >= _LINE_SECONDS and self._done < self._total:
            self._told = now
            self._reporter.emit(Message(Level.WAIT, f"{self._title}: {self._done} of {self._total} {self._unit}"))

    def finish(self) -> None:
        """Count what is left: it turned out to be there already."""
        self.start()
        self.advance(self._total - self._done)
