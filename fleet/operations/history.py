"""What was released, promoted and rolled back: rebuilt from git alone, in any clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from fleet.errors import GitError, UnreachableError, UsageError
from fleet.model.events import Level, Message
from fleet.model.promotion import HistoryEntry
from fleet.operations.common.history import pin_history
from fleet.ports.config import PinEditor
from fleet.ports.reporter import Reporter
from fleet.ports.repository import Commit, RepositoryReader

NO_BRANCH = "FLT-PRM-020"
NO_ENTRY = "FLT-PRM-021"


@dataclass(frozen=True, slots=True)
class Query:
    """Which part of history is wanted."""

    environment: str | None = None
    app: str | None = None
    limit: int | None = None
    since: datetime | None = None


def read_history(
    query: Query,
    *,
    repository: RepositoryReader,
    pin_editor: PinEditor,
    branch: str,
    reporter: Reporter,
    fetch: bool = True,
) -> tuple[HistoryEntry, ...]:
    """Return changes of pins on the protected branch, newest first.

    A remote that cannot be reached costs a warning only: history is told as it was last fetched.

    Raises:
        UsageError: there is no such environment or app, and never was.
        GitError: there is no protected branch.
    """
    head = _head(repository, branch, reporter, fetch=fetch)
    entries = tuple(islice(_entries(query, head, repository, pin_editor), query.limit))
    if not entries and (query.environment or query.app):
        _require_names(query, head, repository)
    return entries


def find_entries(
    wanted: str, *, repository: RepositoryReader, pin_editor: PinEditor, branch: str, reporter: Reporter, fetch: bool
) -> tuple[HistoryEntry, ...]:
    """Return what one commit did: an entry for each pin that it changed.

    Args:
        wanted: at least four digits of the commit on the protected branch.
        repository: where it is.
        pin_editor: reads pins.
        branch: the protected branch.
        reporter: is told if the remote cannot be reached.
        fetch: look for what is new first.

    Raises:
        UsageError: there is no such entry, or several begin like this.
    """
    if not re.fullmatch(r"[0-9a-f]{4,64}", wanted):
        raise UsageError(
            "an entry is named by the digits in the first column of the history",
            code=NO_ENTRY,
            hints=("fleet history",),
        )
    head = _head(repository, branch, reporter, fetch=fetch)
    chosen = pin_history(
        head,
        repository=repository,
        pin_editor=pin_editor,
        wanted=lambda commit, _environment, _app: commit.id.startswith(wanted),
    )
    entries = tuple(chosen)
    commits = {entry.commit for entry in entries}
    if len(commits) > 1:
        raise UsageError(
            f"`{wanted}` could be any of {', '.join(sorted(c[:12] for c in commits))}",
            code=NO_ENTRY,
            hints=("give more digits",),
        )
    if not entries:
        raise UsageError(f"no entry of the history is `{wanted}`", code=NO_ENTRY, hints=("fleet history",))
    return entries


def _head(repository: RepositoryReader, branch: str, reporter: Reporter, *, fetch: bool) -> str:
    if fetch:
        try:
            repository.fetch()
        except UnreachableError as error:
            reporter.emit(Message(Level.WARN, f"this is the history as last fetched: {error.message}"))
    head = repository.head_of(branch)
    if head is None:
        raise GitError(
            f"the protected branch `{branch}` is not there", code=NO_BRANCH, hints=(f"git push origin {branch}",)
        )
    return head


def _entries(query: Query, head: str, repository: RepositoryReader, pin_editor: PinEditor) -> Iterator[HistoryEntry]:
    def recent(commit: Commit, environment: str, app: str) -> bool:
        del environment, app
        return query.since is None or commit.committer.time >= query.since

    return pin_history(
        head,
        repository=repository,
        pin_editor=pin_editor,
        environment=query.environment,
        app=query.app,
        wanted=recent,
    )


def _require_names(query: Query, head: str, repository: RepositoryReader) -> None:
    """Refuse names that no file of the fleet has; a typing error is not an empty history."""
    tree = repository.tree(head)
    environment = query.environment
    if environment and not tree.entries(f"environments/{environment}"):
        known = sorted({entry.path.split("/")[1] for entry in tree.entries("environments")})
        raise UsageError(
            f"there is no environment `{environment}`",
            code="FLT-USE-010",
            hints=(f"there is {', '.join(f'`{name}`' for name in known)}" if known else "fleet validate",),
        )
    if query.app and not tree.entries(f"apps/{query.app}"):
        known = sorted({entry.path.split("/")[1] for entry in tree.entries("apps")})
        raise UsageError(
            f"there is no app `{query.app}`",
            code="FLT-USE-010",
            hints=(f"there is {', '.join(f'`{name}`' for name in known[:10])}" if known else "fleet validate",),
        )
