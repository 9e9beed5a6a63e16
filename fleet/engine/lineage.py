"""Where the values of a release come from, by the history of pins. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleet.engine import trailers
from fleet.engine.objects import canonical
from fleet.engine.values import expand, lookup
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release

Entries = Sequence[HistoryEntry]
"""Changes of pins of one app, newest first."""
_ABSENT = object()


def merge_base(
    entries: Entries, environment: str, source: str, source_at: Callable[[str], Release | None]
) -> tuple[Mapping[str, Any], str]:
    """Return the values that the source had when a release last moved, and the commit that says so.

    That is the promotion that brought the release which is there now: after a rollback, the one that brought it first.
    Commits by hand change what is there and not the base, unless they copied the whole release of the source: then
    they were a promotion by hand.

    Args:
        entries: history of the app's pins.
        environment: where a release goes.
        source: where it comes from.
        source_at: the release of the source at a commit.

    Returns:
        No values and no commit if nothing ever moved from there.
    """
    here = [entry for entry in entries if entry.environment == environment]
    number = 0
    while number < len(here):
        entry = here[number]
        if entry.after is None:
            break  # the app was taken out: what was before does not count
        if entry.kind.moves_on and entry.source == source:
            merged_at = trailers.first(entry.trailers, trailers.VALUES_FROM)
            if not merged_at:
                return entry.after.values, entry.commit
            there = source_at(merged_at)
            return (there.values if there else {}), merged_at
        if entry.kind is PromotionKind.MANUAL and source_at(entry.commit) == entry.after:
            return entry.after.values, entry.commit
        number = _older(here, number)
    return {}, ""


def _older(here: Entries, number: int) -> int:
    """Return the change to look at next: of a rollback, the one that first brought what was restored."""
    entry = here[number]
    if entry.kind is PromotionKind.ROLLBACK:
        for earlier in range(number + 1, len(here)):
            if here[earlier].after == entry.after:
                return earlier
    return number + 1


def set_by(entries: Entries, environment: str, path: str) -> HistoryEntry | None:
    """Return the change that gave a value of the present release what it is: where it was decided, if that is known.

    A promotion only brings a value on, so the change is looked for where it came from.
    """
    found = _brought(entries, environment, path)
    while found is not None and found.kind.moves_on and found.source:
        value = _value(found.after, path)
        earlier = [e for e in entries if e.environment == found.source and e.time <= found.time]
        before = _brought(earlier, found.source, path)
        if before is None or _value(before.after, path) != value:
            break
        found = before
    return found


def changes_of_value(entries: Entries, environment: str, path: str) -> tuple[HistoryEntry, ...]:
    """Return the changes of an environment's pin in which a value of the release changed, newest first."""
    return tuple(
        entry
        for entry in entries
        if entry.environment == environment and _value(entry.before, path) != _value(entry.after, path)
    )


def value_in(release: Release | None, path: str) -> tuple[bool, Any]:
    """Return whether a release carries a value at a dotted path, and which."""
    value = _lookup(release, path)
    return (False, None) if value is _ABSENT else (True, value)


def _brought(entries: Entries, environment: str, path: str) -> HistoryEntry | None:
    return next(iter(changes_of_value(entries, environment, path)), None)


def _value(release: Release | None, path: str) -> bytes:
    """Return a value in a form that can be compared: `true` is not `1`."""
    value = _lookup(release, path)
    return b"" if value is _ABSENT else canonical(value)


def _lookup(release: Release | None, path: str) -> Any:
    if release is None:
        return _ABSENT
    try:
        return lookup(expand(release.values), path, _ABSENT)
    except ValueError:
        return _ABSENT
