"""Reporters for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.model.events import Event


class SilentReporter:
    """Takes events and forgets them."""

    def emit(self, event: Event) -> None:
        """Do nothing."""


@dataclass
class RecordingReporter:
    """Keeps every event, in order."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)
