"""The history of pins, from what git says about each change. Pure.

Trailers say why a pin changed; they are believed only where they agree with what the commit did to the pin.
Everything else was committed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fleet.engine import trailers
from fleet.engine.trailers import Trailers
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release

_KINDS = {kind.value: kind for kind in PromotionKind if kind is not PromotionKind.MANUAL}
_NUMBERS = (
    re.compile(r"\AMerge pull request #(\d{1,9})\b"),  # GitHub, Gitea, the local forge
    re.compile(r"^See merge request \S*!(\d{1,9})$", re.MULTILINE),  # GitLab
    re.compile(r"\A.*\(#(\d{1,9})\)$", re.MULTILINE),  # squashed
)


@dataclass(frozen=True, slots=True)
class Landing:
    """One commit of the protected branch (by first parents) and what it did to one pin."""

    commit: str
    message: str
    time: datetime
    """When it came to the branch."""
    by: str
    """Who brought it there."""
    environment: str
    app: str
    before: Release | None
    after: Release | None
    merged_message: str = ""
    """Message of the head that was merged, for a merge."""
    merged_author: str = ""


def entry_of(landing: Landing) -> HistoryEntry:
    """Return the entry of one change of a pin."""
    own = trailers.parse(landing.message)
    merged = trailers.parse(landing.merged_message)
    said = next((found for found in (own, merged) if _agrees(found, landing)), {})
    subject = landing.merged_message or landing.message
    return HistoryEntry(
        id=landing.commit[:12],
        commit=landing.commit,
        kind=_KINDS[trailers.first(said, trailers.KIND)] if said else PromotionKind.MANUAL,
        app=landing.app,
        environment=landing.environment,
        source=trailers.first(said, trailers.FROM) or None,
        before=landing.before,
        after=landing.after,
        author=landing.merged_author or landing.by,
        landed_by=landing.by,
        time=landing.time,
        pull_request=_number(landing.message, own),
        subject=next(iter(subject.splitlines()), ""),
        trailers={**merged, **own} if said else {},
    )


def release_line(releases: Sequence[Release | None]) -> tuple[Release, ...]:
    """Return the releases that lead to the present one, oldest first, without those that were gone back from.

    Going back to a release that stands in the line cuts off what came after it. So after a rollback from B to A, what
    was before the present release is what was before A, and never B.

    Args:
        releases: what the pin held after each change, oldest first.
    """
    line: list[Release] = []
    for release in releases:
        if release is None:
            continue
        if release in line:
            del line[line.index(release) + 1 :]
        else:
            line.append(release)
    return tuple(line)


def find_entry(entries: Sequence[HistoryEntry], wanted: str) -> HistoryEntry | None:
    """Return the newest entry that put a release there: by version, by commit of the change, or by its revision.

    Args:
        entries: history of one pin, newest first.
        wanted: a version, or at least seven digits of a commit.
    """
    for entry in entries:
        if entry.after is not None and entry.after.version == wanted:
            return entry
    if not re.fullmatch(r"[0-9a-f]{7,64}", wanted):
        return None
    for entry in entries:
        if entry.after is not None and (entry.commit.startswith(wanted) or entry.after.revision.startswith(wanted)):
            return entry
    return None


def _agrees(said: Trailers, landing: Landing) -> bool:
    """Say whether trailers speak of exactly this change."""
    after = landing.after
    return (
        after is not None
        and trailers.first(said, trailers.KIND) in _KINDS
        and trailers.first(said, trailers.APP) == landing.app
        and trailers.first(said, trailers.TO) == landing.environment
        and trailers.first(said, trailers.VERSION) == after.version
        and trailers.first(said, trailers.RELEASE) == after.revision
    )


def _number(message: str, said: Trailers) -> int | None:
    number = trailers.first(said, trailers.PULL_REQUEST)
    if re.fullmatch(r"[1-9]\d{0,8}", number, re.ASCII):
        return int(number)
    for pattern in _NUMBERS[:2]:
        found = pattern.search(message)
        if found:
            return int(found[1])
    found = _NUMBERS[2].match(message.partition("\n")[0])
    return int(found[1]) if found else None
