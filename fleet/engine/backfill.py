"""What changes of pins that people made by hand were: releases, promotions or rollbacks. Pure.

Repositories promoted before they had fleet, by ordinary commits. What such a commit was is told from the pins alone:

* *rollback*: the release stood there before the present one, on the line that leads to it
  (:func:`fleet.engine.history.release_line`); `git revert` of a promotion is one;
* *promotion*: else, if an earlier commit put the same release into the source environment (`promotesFrom`);
* *release*: else.

A pin whose release was removed stays what it is: changed by hand. So does the first pin of all where an app is moved in
together with the repository (no release before, and none in the source).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release

Content = tuple[str, str, str, str]


def infer(entries: Sequence[HistoryEntry], sources: Mapping[str, str | None]) -> tuple[HistoryEntry, ...]:
    """Return a history whose changes by hand carry the kind that they were, marked as inferred.

    Args:
        entries: the whole history of some apps, in every environment, newest first.
        sources: environment that each environment is promoted from; none for the first one.
    """
    seen: dict[tuple[str, str], set[Content]] = {}  # releases that each app had in each environment so far
    lines: dict[tuple[str, str], list[Content]] = {}
    result: list[HistoryEntry] = []
    for group in _by_commit(reversed(entries)):
        for entry in group:
            line = lines.setdefault((entry.app, entry.environment), [])
            result.append(_inferred(entry, line, seen, sources.get(entry.environment)))
            if entry.after is not None:
                _advance(line, _content(entry.after))
        for entry in group:  # a commit that changes a pin and that of its source together promotes nothing
            if entry.after is not None:
                seen.setdefault((entry.app, entry.environment), set()).add(_content(entry.after))
    return tuple(reversed(result))


def _inferred(
    entry: HistoryEntry,
    line: Sequence[Content],
    seen: Mapping[tuple[str, str], set[Content]],
    source: str | None,
) -> HistoryEntry:
    if entry.kind is not PromotionKind.MANUAL or entry.after is None:
        return entry
    content = _content(entry.after)
    told: dict[str, object] = {"kind": PromotionKind.RELEASE}
    if content in line and entry.before is not None:
        told = {"kind": PromotionKind.ROLLBACK}
    elif source is not None and content in seen.get((entry.app, source), ()):
        told = {"kind": PromotionKind.PROMOTION, "source": source}
    elif entry.before is None:
        return entry
    return entry.model_copy(update={**told, "inferred": True})


def _advance(line: list[Content], content: Content) -> None:
    if content in line:
        del line[line.index(content) + 1 :]
    else:
        line.append(content)


def _by_commit(entries: Iterable[HistoryEntry]) -> Iterable[list[HistoryEntry]]:
    group: list[HistoryEntry] = []
    for entry in entries:
        if group and group[0].commit != entry.commit:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _content(release: Release) -> Content:
    return (
        release.version,
        release.revision,
        repr(sorted(release.images.items())),
        repr(sorted(release.values.items(), key=lambda item: item[0])),
    )
