"""Reads what happened to pins from git: one log of the protected branch, and the pins as they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fleet.engine.history import Landing, entry_of
from fleet.errors import ConfigError, FleetError, GitError
from fleet.model.promotion import HistoryEntry
from fleet.model.release import Release
from fleet.ports.config import PinEditor
from fleet.ports.repository import Commit, RepositoryReader

_PIN = re.compile(r"environments/(?P<environment>[^/]+)/apps/(?P<app>[^/]+)\.yaml")

Wanted = Callable[[Commit, str, str], bool]
"""Whether a commit's change of (environment, app) is looked at."""


@dataclass(frozen=True, slots=True)
class _Change:
    commit: Commit
    path: str
    environment: str
    app: str


def pin_history(
    revision: str,
    *,
    repository: RepositoryReader,
    pin_editor: PinEditor,
    environment: str | None = None,
    app: str | None = None,
    wanted: Wanted | None = None,
) -> Iterator[HistoryEntry]:
    """Yield each change of a pin's release on a branch, newest first; read as far as the caller goes on.

    A pin is compared with what it was before the change landed: a merge counts as one change, on the day it was
    merged. Changes that leave the release as it is are passed over.

    Args:
        revision: head of the branch.
        repository: where it is.
        pin_editor: reads pins.
        environment: only this one.
        app: only this one.
        wanted: further choice, made before anything is read.
    """
    place = _place(environment, app)
    log = [*repository.log(revision, paths=[place], first_parent=True, with_paths=True)]
    changes = [c for commit in log for c in _changes(commit, environment, app)]
    older = _older(changes)
    reader = _Pins(repository, pin_editor)
    merged = _Merged(repository, revision, place)
    for number, change in enumerate(changes):
        if wanted is not None and not wanted(change.commit, change.environment, change.app):
            continue
        before = older.get(number) or (change.commit.parents[0] if change.commit.parents else None)
        then, now = reader.release(before, change.path), reader.release(change.commit.id, change.path)
        if then != now:
            yield entry_of(_landing(change, then, now, merged))


def _place(environment: str | None, app: str | None) -> str:
    if environment is None:
        return "environments"
    return f"environments/{environment}/apps" + (f"/{app}.yaml" if app is not None else "")


def _changes(commit: Commit, environment: str | None, app: str | None) -> Iterator[_Change]:
    for path in commit.paths:
        found = _PIN.fullmatch(path)
        if found and environment in (None, found["environment"]) and app in (None, found["app"]):
            yield _Change(commit, path, found["environment"], found["app"])


def _older(changes: list[_Change]) -> Mapping[int, str]:
    """Return, for each change, the commit that changed the same pin before: since then it was as that one left it."""
    older: dict[int, str] = {}
    newer: dict[str, int] = {}
    for number, change in enumerate(changes):
        if change.path in newer:
            older[newer[change.path]] = change.commit.id
        newer[change.path] = number
    return older


def _landing(change: _Change, before: Release | None, after: Release | None, merged: _Merged) -> Landing:
    commit = change.commit
    head = merged.change_of(commit, change.path)
    return Landing(
        commit=commit.id,
        message=commit.message,
        time=commit.committer.time,
        by=str(commit.committer if len(commit.parents) > 1 else commit.author),
        environment=change.environment,
        app=change.app,
        before=before,
        after=after,
        merged_message=head.message if head else "",
        merged_author=str(head.author) if head else "",
    )


class _Pins:
    """Releases of pins at commits. A pin that cannot be read counts as one without a release."""

    def __init__(self, repository: RepositoryReader, pin_editor: PinEditor) -> None:
        self._repository = repository
        self._pin_editor = pin_editor
        self._parsed: dict[bytes, Release | None] = {}

    def release(self, commit: str | None, path: str) -> Release | None:
        """Return the release that a pin holds at a commit."""
        if commit is None:
            return None
        try:
            content = self._repository.read_file(commit, path)
        except GitError:
            return None
        if content not in self._parsed:
            try:
                self._parsed[content] = self._pin_editor.read(content, path)
            except ConfigError:
                self._parsed[content] = None
        return self._parsed[content]


class _Merged:
    """The commits that merges brought in: one more log, made when the first merge is met."""

    def __init__(self, repository: RepositoryReader, revision: str, place: str) -> None:
        self._repository = repository
        self._revision = revision
        self._place = place
        self._known: Mapping[str, Commit] | None = None

    def change_of(self, commit: Commit, path: str) -> Commit | None:
        """Return the commit with which a merge brought in the change of a path; None if it is no merge, or not known.

        It is the head of what was merged; of a train, which has a commit for each app, it may be an earlier one.
        """
        if len(commit.parents) < 2:
            return None
        found = self._log().get(commit.parents[1])
        while found is not None and path not in found.paths:
            found = self._log().get(found.parents[0]) if len(found.parents) == 1 else None
        return found if found is not None else self._asked(commit.parents[1], path)

    def _log(self) -> Mapping[str, Commit]:
        if self._known is None:
            try:
                log = self._repository.log(self._revision, paths=[self._place], with_paths=True)
                self._known = {found.id: found for found in log}
            except FleetError:
                self._known = {}
        return self._known

    def _asked(self, head: str, path: str) -> Commit | None:
        try:
            return next(iter(self._repository.log(head, paths=[path], limit=1)), None)
        except FleetError:
            return None
