"""What was released, promoted and rolled back: rebuilt from git alone, in any clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from fleet.errors import LedgerError, UsageError
from fleet.model.events import Level, Message
from fleet.model.ledger import HistoryDetail
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.operations.common.decisions import Decided, decision_for
from fleet.operations.common.history import pin_history
from fleet.operations.common.past import protected_head, sources, whole_history
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.ledger import LedgerReader
from fleet.ports.reporter import Reporter
from fleet.ports.repository import Commit, RepositoryReader

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
    loader: FleetLoader,
    pin_editor: PinEditor,
    branch: str,
    reporter: Reporter,
    fetch: bool = True,
) -> tuple[HistoryEntry, ...]:
    """Return changes of pins on the protected branch, newest first.

    What people changed by hand is told apart by what happened to the pins, and marked as inferred.

    A remote that cannot be reached costs a warning only: history is told as it was last fetched.

    Raises:
        UsageError: there is no such environment or app, and never was.
        GitError: there is no protected branch.
    """
    head = protected_head(repository, branch, reporter, fetch=fetch)
    entries = tuple(islice(_entries(query, head, repository, pin_editor), query.limit))
    if not entries and (query.environment or query.app):
        _require_names(query, head, repository)
    return _told_apart(entries, head, repository, loader, pin_editor)


def find_entries(
    wanted: str,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    pin_editor: PinEditor,
    ledger: LedgerReader,
    branch: str,
    reporter: Reporter,
    fetch: bool,
) -> tuple[HistoryDetail, ...]:
    """Return what one commit did: an entry for each pin that it changed, with the decision that allowed it.

    Args:
        wanted: at least four digits of the commit on the protected branch.
        repository: where it is.
        loader: reads the pipeline.
        pin_editor: reads pins.
        ledger: where decisions are.
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
    head = protected_head(repository, branch, reporter, fetch=fetch)
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
    try:
        recorded = tuple(ledger.entries())
    except LedgerError as error:
        reporter.emit(Message(Level.WARN, f"the ledger cannot be read: {error.message}"))
        recorded = ()
    told = _told_apart(entries, head, repository, loader, pin_editor)
    return tuple(_detail(entry, decision_for(entry, recorded)) for entry in told)


def _detail(entry: HistoryEntry, decided: Decided | None) -> HistoryDetail:
    known: dict[str, object] = {}
    if decided is not None:
        known = {
            "decided_at": decided.entry.time,
            "decided_by": decided.entry.actor,
            "decision": decided.decision,
            "sequence": decided.entry.sequence,
        }
    back = f"fleet rollback {entry.app} --env {entry.environment} --to {entry.before.version}" if entry.before else ""
    fields = {name: getattr(entry, name) for name in HistoryEntry.model_fields}
    return HistoryDetail(**fields, **known, rollback=back)


def _told_apart(
    entries: tuple[HistoryEntry, ...],
    head: str,
    repository: RepositoryReader,
    loader: FleetLoader,
    pin_editor: PinEditor,
) -> tuple[HistoryEntry, ...]:
    """Return entries with the kind of those that were made by hand; reads more history only if there are any."""
    apps = {entry.app for entry in entries if entry.kind is PromotionKind.MANUAL}
    if not apps:
        return entries
    order = sources(head, repository=repository, loader=loader)
    told = {
        (entry.commit, entry.app, entry.environment): entry
        for app in (apps if len(apps) == 1 else {None})
        for entry in whole_history(head, order, repository=repository, pin_editor=pin_editor, app=app)
    }
    return tuple(told.get((e.commit, e.app, e.environment), e) for e in entries)


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
