"""Warnings that adapters log: each reaches the terminal as one plain line, through the reporter."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fleet.model.events import Level, Message
from fleet.ports.reporter import Reporter

_LOGGER = "fleet"
"""Adapters log below it: `fleet.kube`, `fleet.store`. Third-party loggers may say anything, and are not shown."""


class _Handler(logging.Handler):
    """Tells the message and nothing else: the traceback of a foreign exception may hold what nobody should see."""

    def __init__(self, reporter: Callable[[], Reporter]) -> None:
        super().__init__(logging.WARNING)
        self._reporter = reporter
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a record, once in a session."""
        try:
            text = " ".join(record.getMessage().split())
        except (TypeError, ValueError):  # its arguments do not fit: a bug, but none that may end a run
            text = " ".join(str(record.msg).split())
        if text not in self._told:
            self._told.add(text)
            self._reporter().emit(Message(Level.WARN, text))


def show_warnings(reporter: Callable[[], Reporter]) -> Callable[[], None]:
    """Show what is logged from now on, until the returned function is called.

    Args:
        reporter: returns where warnings are told; called when there is one.
    """
    handler = _Handler(reporter)
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(handler)
    return lambda: logger.removeHandler(handler)
