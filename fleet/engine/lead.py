"""When work on each release began: commits of the protected branch, and the app's commits among them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fleet.engine.dora import FORWARD, Landing, landing_of
from fleet.model.promotion import HistoryEntry
from fleet.model.release import Release


@dataclass(frozen=True, slots=True)
class Node:
    """A commit of the protected branch."""

    id: str
    parents: tuple[str, ...]
    time: datetime
    """When it was written."""


class Arrivals:
    """When each commit came to a branch, as the number of the commit of the branch that brought it.

    Args:
        nodes: all commits that are reachable from the head, the head first.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        known = {node.id: node for node in nodes}
        self._number: dict[str, int] = {}
        line: list[Node] = []
        here = nodes[0] if nodes else None
        while here is not None:
            line.append(here)
            here = known.get(here.parents[0]) if here.parents else None
        for number, node in enumerate(reversed(line)):
            pending = [node.id]
            while pending:
                oid = pending.pop()
                if oid in known and oid not in self._number:
                    self._number[oid] = number
                    pending += known[oid].parents

    def of(self, commit: str) -> int | None:
        """Return when a commit came; None if it is not on the branch, or not in this clone."""
        return self._number.get(commit)


def starts(
    entries: Sequence[HistoryEntry], arrivals: Arrivals, commits: Mapping[str, Sequence[Node]]
) -> dict[Landing, datetime]:
    """Return when work on the release of each landing began, where that can be told.

    Args:
        entries: changes of pins, newest first.
        arrivals: when commits came to the protected branch.
        commits: commits that changed each app.
    """
    ordered = {app: _ordered(nodes, arrivals) for app, nodes in commits.items()}
    first: dict[tuple[str, str], datetime] = {}
    for entry in entries:
        if entry.after is not None:
            first[entry.app, _content(entry.after)] = entry.time  # the oldest is the last one
    found: dict[Landing, datetime] = {}
    for entry in entries:
        if entry.kind not in FORWARD or entry.before is None or entry.after is None:
            continue
        begin = _first_commit(entry.before, entry.after, arrivals, ordered.get(entry.app, ([], [])))
        if begin is None:
            entered = first[entry.app, _content(entry.after)]
            begin = entered if entered < entry.time else None
        if begin is not None:
            found[landing_of(entry)] = begin
    return found


def _first_commit(
    before: Release, after: Release, arrivals: Arrivals, ordered: tuple[list[int], list[datetime]]
) -> datetime | None:
    start, end = arrivals.of(before.revision), arrivals.of(after.revision)
    if start is None or end is None:
        return None
    numbers, times = ordered
    return min(times[bisect_right(numbers, start) : bisect_right(numbers, end)], default=None)


def _ordered(nodes: Sequence[Node], arrivals: Arrivals) -> tuple[list[int], list[datetime]]:
    pairs = sorted((number, node.time) for node in nodes if (number := arrivals.of(node.id)) is not None)
    return [number for number, _ in pairs], [time for _, time in pairs]


def _content(release: Release) -> str:
    return repr((release.version, release.revision, sorted(release.images.items()), sorted(release.values.items())))
