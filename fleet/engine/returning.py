"""Which release an environment goes back to. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fleet.engine.history import release_line
from fleet.model.promotion import HistoryEntry
from fleet.model.release import Release
from fleet.model.restriction import Rejection


@dataclass(frozen=True, slots=True)
class Return:
    """The release to go back to, and why it is not the one before."""

    entry: HistoryEntry
    """The newest change that put it there."""
    passed_over: tuple[str, ...] = ()
    """A sentence for each newer release that was passed over."""


def earlier_release(
    entries: Sequence[HistoryEntry],
    present: Release,
    rejections: Collection[Rejection] = (),
    healthy: Collection[Release] | None = None,
) -> Return | None:
    """Return the last release of an environment that is fit to go back to; None if there is none.

    A release that was gone back from is not in the line, so it is never gone back to by itself; nor is a rejected one.

    Args:
        entries: history of one pin, newest first.
        present: the release that is there now.
        rejections: releases of the app that must not go anywhere.
        healthy: releases that are known to have been healthy there, of those that somebody looked at. If any of them
            is in the line, the last one is taken; otherwise, and with None, the last one that is not known to be bad.
    """
    line = release_line([entry.after for entry in reversed(entries)])
    if len(line) < 2 or line[-1] != present:
        return None
    bad = {(one.version, one.revision): one.reason for one in rejections}
    candidates = [r for r in reversed(line[:-1]) if (r.version, r.revision) not in bad]
    known = [r for r in candidates if healthy is not None and r in healthy]
    chosen = next(iter(known or candidates), None)
    if chosen is None:
        return None
    newer = line[line.index(chosen) + 1 : -1]
    entry = next(entry for entry in entries if entry.after == chosen)
    return Return(entry, tuple(_why(one, bad) for one in reversed(newer)))


def _why(release: Release, bad: dict[tuple[str, str], str]) -> str:
    reason = bad.get((release.version, release.revision))
    said = f"it was rejected: {reason}" if reason is not None else "it is not known to have been healthy there"
    return f"{release.short} is passed over: {said}"
