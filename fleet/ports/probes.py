"""Questions of gates to outside systems: web services, Jobs, Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleet.model.fleet import Fleet
from fleet.model.observation import ProbeAnswer
from fleet.model.policy import GateSpec
from fleet.model.release import Release


@dataclass(frozen=True, slots=True)
class Question:
    """What a promotion is about, for the gates that ask others about it."""

    fleet: Fleet
    app: str
    source: str | None
    environment: str
    release: Release


class Prober(Protocol):
    """Asks outside systems."""

    def ask(
        self, gates: Sequence[GateSpec], question: Question, now: datetime, *, start: bool
    ) -> Sequence[ProbeAnswer]:
        """Return an answer for each gate, side by side, each within its time limit. Never raises for one that fails.

        Running it again asks again, and starts nothing twice: a Job of the same promotion is looked at, not repeated.

        Args:
            gates: what is asked; those in CEL ask nobody.
            question: what it is asked about.
            now: the end of the time that metrics are judged over.
            start: whether a Job that is not there may be started. Otherwise it is only looked for.
        """
        ...
