"""Where operations tell what they do."""

from __future__ import annotations

from typing import Protocol

from fleet.model.events import Event


class Reporter(Protocol):
    """Takes events; safe to call from several threads."""

    def emit(self, event: Event) -> None:
        """Take one event."""
        ...
