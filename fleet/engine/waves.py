"""Roll-out in waves: which target may start when.

The rules, for each app in each environment on its own:

* A target of a wave starts when every earlier wave is *verified*: each of its targets is live at exactly the desired
  release and healthy. What counts is what was observed live, never that an apply returned.
* A target that failed breaks its wave: later waves of that app and environment do not start. Others go on.
* A target whose cluster cannot be reached is quarantined: it is caught up later and does not hold the roll-out,
  as long as another cluster of its wave is verified. A wave that nobody can vouch for holds.
* Work that brings back what was already recorded (drift, a missing object) does not wait for other waves.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from fleet.model.names import Target


class Stand(Enum):
    """Where a target stands in a roll-out."""

    WAITING = "waiting"
    RUNNING = "running"
    VERIFIED = "verified"  # live at exactly the desired release, and healthy
    BROKEN = "broken"
    QUARANTINED = "quarantined"  # its cluster cannot be reached


SETTLED = frozenset({Stand.VERIFIED, Stand.BROKEN, Stand.QUARANTINED})


@dataclass(frozen=True, slots=True)
class Member:
    """A target that takes part in a roll-out: one to work on (`WAITING`), or one that only counts for the gate."""

    target: Target
    wave: str
    position: int
    stand: Stand = Stand.WAITING
    gated: bool = True
    reason: str = ""
    """Why it is broken or quarantined."""


@dataclass(frozen=True, slots=True)
class Held:
    """A target that will not start in this run, and why."""

    target: Target
    reason: str


@dataclass(slots=True)
class _Lane:
    """One app in one environment: its waves, in order."""

    waves: list[list[Target]]
    open: int = 0
    """Waves before this one are passed; the gated targets of this one may start."""
    broken: str = ""


class Rollout:
    """Says which target may start next. Holds no clock and does no I/O; not safe for several threads.

    Args:
        members: targets in the order of preference; each once.
        limits: how many clusters of a wave may change at once, by (environment, wave name).
    """

    def __init__(self, members: Iterable[Member], limits: Mapping[tuple[str, str], int] | None = None) -> None:
        self._members = {member.target: member for member in members}
        self._order = {target: number for number, target in enumerate(self._members)}
        self._stand = {target: member.stand for target, member in self._members.items()}
        self._reasons = {target: member.reason for target, member in self._members.items()}
        self._limits = limits or {}
        self._changing: dict[tuple[str, str], dict[str, int]] = {}
        self._ready: list[tuple[int, Target]] = []
        self._queued: set[Target] = set()
        self._lanes = self._build_lanes()
        for target, member in self._members.items():
            if member.stand is Stand.WAITING and not member.gated:
                self._queue(target)
        self._held: list[Held] = []
        for lane in self._lanes.values():
            self._held += self._advance(lane)

    def _build_lanes(self) -> dict[tuple[str, str], _Lane]:
        positions: dict[tuple[str, str], dict[int, list[Target]]] = {}
        for target, member in self._members.items():
            waves = positions.setdefault((target.environment, target.app), {})
            waves.setdefault(member.position, []).append(target)
        return {key: _Lane([waves[position] for position in sorted(waves)]) for key, waves in positions.items()}

    def take_held(self) -> tuple[Held, ...]:
        """Return targets that became held since the last call."""
        held, self._held = tuple(self._held), []
        return held

    def take(self) -> Target | None:
        """Return the next target that may start now, and count it as running; none: nothing may start at present."""
        set_aside: list[tuple[int, Target]] = []
        found = None
        while self._ready and found is None:
            entry = heapq.heappop(self._ready)
            if self._has_room(entry[1]):
                found = entry[1]
            else:
                set_aside.append(entry)
        for entry in set_aside:
            heapq.heappush(self._ready, entry)
        if found is not None:
            self._stand[found] = Stand.RUNNING
            changing = self._changing.setdefault(self._wave_key(found), {})
            changing[found.cluster] = changing.get(found.cluster, 0) + 1
        return found

    def finish(self, target: Target, stand: Stand, reason: str = "") -> None:
        """Note how a target ended; waves that this opens or breaks take effect at once."""
        if self._stand[target] is Stand.RUNNING:
            changing = self._changing[self._wave_key(target)]
            changing[target.cluster] -= 1
            if not changing[target.cluster]:
                del changing[target.cluster]
        self._stand[target] = stand
        self._reasons[target] = reason
        self._held += self._advance(self._lanes[target.environment, target.app])

    def stop(self, reason: str) -> tuple[Held, ...]:
        """Hold everything that has not started, and return it."""
        held = [Held(target, reason) for target, stand in self._stand.items() if stand is Stand.WAITING]
        for item in held:
            self._stand[item.target] = Stand.BROKEN
        self._ready.clear()
        return tuple(held)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not any(stand in (Stand.WAITING, Stand.RUNNING) for stand in self._stand.values())

    def _queue(self, target: Target) -> None:
        if target not in self._queued:
            self._queued.add(target)
            heapq.heappush(self._ready, (self._order[target], target))

    def _advance(self, lane: _Lane) -> list[Held]:
        """Open waves as far as the earlier ones allow; return what is held from now on."""
        while lane.open < len(lane.waves) and not lane.broken:
            wave = lane.waves[lane.open]
            for target in wave:
                if self._stand[target] is Stand.WAITING:
                    self._queue(target)
            if not all(self._stand[target] in SETTLED for target in wave):
                return []
            lane.broken = self._verdict(wave)
            lane.open += 1
        if not lane.broken:
            return []
        later = [target for wave in lane.waves[lane.open :] for target in wave]
        held = [t for t in later if self._stand[t] is Stand.WAITING and t not in self._queued]
        for target in held:
            self._stand[target] = Stand.BROKEN
        return [Held(target, lane.broken) for target in held]

    def _verdict(self, wave: list[Target]) -> str:
        """Return why a settled wave holds the ones after it; empty: it does not."""
        name = self._members[wave[0]].wave
        broken = [t for t in wave if self._stand[t] is Stand.BROKEN]
        if broken:
            first = broken[0]
            more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
            why = f": {self._reasons[first]}" if self._reasons[first] else ""
            return f"wave `{name}` is not healthy at this release on `{first.cluster}`{more}{why}"
        if not any(self._stand[t] is Stand.VERIFIED for t in wave):
            return f"no cluster of wave `{name}` can be reached"
        return ""

    def _wave_key(self, target: Target) -> tuple[str, str]:
        return target.environment, self._members[target].wave

    def _has_room(self, target: Target) -> bool:
        key = self._wave_key(target)
        limit = self._limits.get(key)
        changing = self._changing.get(key, {})
        return limit is None or target.cluster in changing or len(changing) < limit
