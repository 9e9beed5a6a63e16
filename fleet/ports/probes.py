"""Questions of gates to outside systems: web services, Jobs, Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    def ask(self, gates: Sequence[GateSpec], question: Question) -> Sequence[ProbeAnswer]:
        """Return an answer for each gate, side by side, each within its time limit. Never raises for one that fails.

        Running it again asks again, and starts nothing twice: a Job of the same promotion is looked at, not repeated.
        """
        ...
