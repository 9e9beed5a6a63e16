"""Asks whom gates of one's own name, by what is imported when the first one is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from fleet.model.observation import ProbeAnswer
    from fleet.model.policy import GateSpec
    from fleet.ports.cluster import Clusters
    from fleet.ports.probes import Question


@dataclass(frozen=True)
class LateProber:
    """Implements :class:`fleet.ports.probes.Prober`."""

    clusters: Callable[[], Clusters]

    def ask(
        self, gates: Sequence[GateSpec], question: Question, now: datetime, *, start: bool
    ) -> Sequence[ProbeAnswer]:
        """Return an answer for each gate."""
        from fleet.adapters.probes.prober import OutsideProber  # brings asyncio

        return OutsideProber(self.clusters, os.environ).ask(gates, question, now, start=start)
