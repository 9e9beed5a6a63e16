"""Read and check the ledger of decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from fleet.engine import trailers
from fleet.engine.ledger import faults
from fleet.errors import LedgerError, UnreachableError
from fleet.model.events import Level, Message
from fleet.model.ledger import Audit, AuditFault, Decision, LedgerEntry, OutsideLanding
from fleet.model.promotion import HistoryEntry
from fleet.operations.common.history import pin_history
from fleet.operations.common.recording import decision_of, merge_head_of
from fleet.ports.config import PinEditor
from fleet.ports.ledger import LedgerBatch, LedgerReader
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are wanted."""

    app: str | None = None
    environment: str | None = None
    since: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True)
class _Decisions:
    """What the ledger says was decided."""

    opened: Mapping[tuple[str, str, str], Sequence[Decision]]
    """Decisions to open, by app, environment and plan hash."""
    heads: frozenset[str]
    """Heads whose merge was decided."""
    base: str = ""
    """Commit that the first decision was made for; empty: there is none."""


@dataclass(frozen=True)
class _Branch:
    """The protected branch, commit by commit."""

    parents: Mapping[str, tuple[str, ...]]
    """Parents of each commit on its line of first parents."""
    earlier: frozenset[str] = field(default=frozenset())
    """Those from before the ledger."""


def read_log(
    query: Query, *, ledger: LedgerReader, repository: RepositoryReader, reporter: Reporter, fetch: bool = True
) -> tuple[LedgerEntry, ...]:
    """Return entries, newest first.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    _fetch(repository, reporter, fetch=fetch)
    return tuple(islice((entry for entry in ledger.entries() if _is_wanted(entry, query)), query.limit))


def verify(
    *,
    ledger: LedgerReader,
    repository: RepositoryReader,
    pin_editor: PinEditor,
    branch: str,
    reporter: Reporter,
    since: datetime | None = None,
    fetch: bool = True,
    accept: bool = False,
) -> Audit:
    """Check the ledger: its chain, that it only grew, and that what landed on the protected branch was decided.

    Args:
        ledger: the ledger.
        repository: where the protected branch is.
        pin_editor: reads pins.
        branch: the protected branch.
        reporter: is told if the remote cannot be reached.
        since: look only at what landed from then on.
        fetch: bring the remote's refs up to date first.
        accept: take a ledger that was rewritten for the right one from now on.
    """
    _fetch(repository, reporter, fetch=fetch)
    seen, rewritten = ledger.seen(), ledger.rewritten()
    batches = ledger.batches()
    found = tuple(_faults(batches, ledger))
    try:
        head = ledger.head()
    except LedgerError:
        head = None  # the faults say why
    report = Audit(head=head, faults=found, rewritten=rewritten, seen=seen)
    if accept or (report.ok and head is not None):
        ledger.remember()
        report = report.model_copy(update={"rewritten": ""})
    if found or head is None:
        return report
    return _with_landings(report, ledger, repository, pin_editor, branch, since)


def _with_landings(
    report: Audit,
    ledger: LedgerReader,
    repository: RepositoryReader,
    pin_editor: PinEditor,
    branch: str,
    since: datetime | None,
) -> Audit:
    decisions = _decisions(reversed(list(ledger.entries())))
    tip = repository.head_of(branch)
    if tip is None or not decisions.base:
        return report
    line = _branch(repository, tip, decisions.base)
    looked_at, earlier, outside = 0, 0, []
    for entry in pin_history(tip, repository=repository, pin_editor=pin_editor):
        if since is not None and entry.time < since:
            continue
        if entry.commit in line.earlier:
            earlier += 1
            continue
        looked_at += 1
        what = _what_is_missing(entry, line.parents.get(entry.commit, ()), decisions)
        if what:
            outside.append(_outside(entry, what))
    return report.model_copy(update={"landings": looked_at, "earlier": earlier, "outside": tuple(outside)})


def _what_is_missing(entry: HistoryEntry, parents: Sequence[str], decisions: _Decisions) -> str:
    """Return what the ledger does not know of a landing; empty if everything was decided."""
    if {entry.commit, *parents[1:]} & decisions.heads:
        return ""
    plan = trailers.first(entry.trailers, trailers.PLAN)
    if not plan:
        return "landed outside fleet: the pin was changed by hand"
    made = [d for d in decisions.opened.get((entry.app, entry.environment, plan), ()) if d.after == entry.after]
    if not made:
        return "landed outside fleet: no decision allowed it"
    direct = any(decision.direct for decision in made)
    return "" if direct else "merged outside fleet: its merge was never decided"


def _decisions(entries: Iterator[LedgerEntry]) -> _Decisions:
    opened: dict[tuple[str, str, str], list[Decision]] = {}
    heads: set[str] = set()
    base = ""
    for entry in entries:
        decision = decision_of(entry)
        if decision is not None:
            base = base or decision.base
            opened.setdefault((entry.app, entry.environment, decision.plan), []).append(decision)
        head = merge_head_of(entry)
        if head:
            heads.add(head)
    return _Decisions(opened, frozenset(heads), base)


def _branch(repository: RepositoryReader, tip: str, base: str) -> _Branch:
    log = list(repository.log(tip, first_parent=True))
    ids = [commit.id for commit in log]
    earlier = ids[ids.index(base) :] if base in ids else []
    return _Branch({commit.id: commit.parents for commit in log}, frozenset(earlier))


def _outside(entry: HistoryEntry, what: str) -> OutsideLanding:
    return OutsideLanding(
        commit=entry.commit,
        time=entry.time,
        app=entry.app,
        environment=entry.environment,
        version=entry.after.version if entry.after else "",
        by=entry.landed_by,
        pull_request=entry.pull_request,
        what=what,
    )


def _faults(batches: Sequence[LedgerBatch], ledger: LedgerReader) -> Iterator[AuditFault]:
    before: str | None = None
    for batch in batches:
        if batch.parents != ((before,) if before else ()):
            yield AuditFault(where=f"commit {batch.commit[:12]}", what="it does not stand on the commit before, alone")
        before = batch.commit
    try:
        index = ledger.index()
    except LedgerError as error:
        yield AuditFault(where="index", what=error.message)
        return
    for fault in faults(((b.commit, b.lines) for b in batches), index):
        yield AuditFault(where=fault.where, what=fault.what)


def _is_wanted(entry: LedgerEntry, query: Query) -> bool:
    return (
        query.app in (None, entry.app)
        and query.environment in (None, entry.environment)
        and (query.since is None or entry.time >= query.since)
    )


def _fetch(repository: RepositoryReader, reporter: Reporter, *, fetch: bool) -> None:
    if not fetch:
        return
    try:
        repository.fetch()
    except UnreachableError as error:
        reporter.emit(Message(Level.WARN, f"this is the ledger as last fetched: {error.message}"))
