"""Measure how software is delivered, from the history of pins and commits in git alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fleet.engine.dora import DEFINITIONS, measure
from fleet.engine.lead import Arrivals, Node, starts
from fleet.engine.names import require_known
from fleet.model.dora import DoraReport
from fleet.model.promotion import HistoryEntry
from fleet.operations.common.past import protected_head, sources, whole_history
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.reporter import Reporter
from fleet.ports.repository import Commit, RepositoryReader


@dataclass(frozen=True, slots=True)
class Query:
    """What is measured."""

    until: datetime
    since: datetime | None = None
    """None: from the first change of a pin that is known."""
    app: str | None = None
    environment: str | None = None


def measure_delivery(
    query: Query,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    pin_editor: PinEditor,
    branch: str,
    reporter: Reporter,
    fetch: bool = True,
) -> DoraReport:
    """Return the four key metrics for each environment and app.

    Raises:
        UsageError: there is no such app or environment.
        GitError: there is no protected branch.
    """
    head = protected_head(repository, branch, reporter, fetch=fetch)
    order = sources(head, repository=repository, loader=loader)
    entries = whole_history(head, order, repository=repository, pin_editor=pin_editor, app=query.app)
    unknown: list[str] = []
    commits = list(repository.log(head))
    if repository.shallow:
        entries = _without_edges(entries, commits)
        begin = min((c.committer.time for c in commits), default=query.until)
        unknown.append(f"this clone is shallow: what landed before {begin:%Y-%m-%d %H:%M} UTC is not known")
        unknown.append("lead times of releases with earlier commits are too short or missing: git fetch --unshallow")
    if not order:
        unknown.append("the fleet cannot be loaded, so changes by hand are never taken for promotions: fleet validate")
    _require_names(query, entries, order)
    first = min((entry.time for entry in entries), default=query.until)
    since = query.since or first
    if since < first:
        since = first if repository.shallow else since
    nodes = [Node(c.id, c.parents, c.author.time) for c in commits]
    by_app = _commits_of_apps(repository, head)
    started = starts(entries, Arrivals(nodes), by_app)
    wanted = tuple(e for e in entries if query.environment in (None, e.environment))
    rows = measure(wanted, started, since=since, until=query.until, order=tuple(order))
    return DoraReport(
        since=since,
        until=query.until,
        rows=rows,
        unknown=tuple(unknown),
        inferred=sum(1 for e in wanted if e.inferred and since <= e.time < query.until),
        definitions=DEFINITIONS,
    )


def _commits_of_apps(repository: RepositoryReader, head: str) -> dict[str, list[Node]]:
    """Return the commits that changed each app; merges only where they changed something themselves."""
    found: dict[str, list[Node]] = {}
    for commit in repository.log(head, paths=["apps"], with_paths=True):
        if len(commit.parents) > 1:
            continue
        node = Node(commit.id, commit.parents, commit.author.time)
        for app in {path.split("/")[1] for path in commit.paths if path.startswith("apps/") and path.count("/") > 1}:
            found.setdefault(app, []).append(node)
    return found


def _without_edges(entries: Sequence[HistoryEntry], commits: Sequence[Commit]) -> tuple[HistoryEntry, ...]:
    """Leave out what seems to be new at the commits where a shallow clone begins."""
    edges = {commit.id for commit in commits if not commit.parents}
    return tuple(entry for entry in entries if entry.commit not in edges)


def _require_names(query: Query, entries: Sequence[HistoryEntry], order: object) -> None:
    if query.app is not None:
        require_known("app", query.app, sorted({entry.app for entry in entries}))
    if query.environment is not None:
        names = sorted({*(entry.environment for entry in entries), *(order if isinstance(order, dict) else ())})
        require_known("environment", query.environment, names)
