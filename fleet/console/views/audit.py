"""How the ledger and its check look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleet.console.terminal import Terminal
from fleet.console.views.changes import plural
from fleet.model.ledger import Audit, EntryKind, LedgerEntry


def show_log(terminal: Terminal, entries: Sequence[LedgerEntry]) -> None:
    """Print one line per entry, newest first."""
    if not entries:
        terminal.print("nothing was decided yet")
        return
    columns = ["NO", "TIME", "KIND", "ENVIRONMENT", "APP", "WHAT", "BY"]
    rows = [
        [
            str(entry.sequence),
            f"{entry.time:%Y-%m-%d %H:%M}",
            entry.kind.value,
            entry.environment,
            entry.app,
            what(entry),
            entry.actor.partition(" <")[0],
        ]
        for entry in entries
    ]
    terminal.table(columns, rows)


def show_audit(terminal: Terminal, report: Audit) -> None:
    """Print what the check found."""
    if report.head is None and not report.faults:
        terminal.print("there is no ledger yet")
    elif report.head is not None and not report.faults:
        count = _counted(report.head.sequence, "entry", "entries")
        terminal.print(f"[passed] chain: {count}, the last is {report.head.hash[:12]}", "green")
    for fault in report.faults:
        terminal.print(f"[failed] {fault.where}: {fault.what}", "red")
    if report.rewritten:
        terminal.print(f"[failed] the ledger was rewritten: {report.rewritten}", "red")
    elif report.seen is not None and report.head is not None:
        terminal.print(
            f"[passed] growth: it contains entry {report.seen.sequence}, which this clone saw before", "green"
        )
    if report.faults or report.head is None:
        return
    earlier = f" ({report.earlier} from before the ledger)" if report.earlier else ""
    if not report.outside:
        text = _counted(report.landings, "change of a release", "changes of releases")
        terminal.print(f"[passed] decisions: {text} on the protected branch{earlier}", "green")
        return
    text = f"{len(report.outside)} of {_counted(report.landings, 'change of a release', 'changes of releases')}"
    terminal.print(f"[failed] decisions: {text} on the protected branch{earlier}", "red")
    rows = [
        [
            one.commit[:12],
            f"{one.time:%Y-%m-%d %H:%M}",
            one.environment,
            one.app,
            one.version,
            one.by.partition(" <")[0],
            one.what,
        ]
        for one in report.outside
    ]
    terminal.table(["ID", "TIME", "ENVIRONMENT", "APP", "RELEASE", "BY", "WHAT"], rows)


def what(entry: LedgerEntry) -> str:
    """Return what an entry says, in a few words."""
    data = entry.data
    if entry.kind is EntryKind.DECIDED:
        return _decision(data)
    if entry.kind is EntryKind.OVERRIDDEN:
        return f"{data.get('gate', '')}: {data.get('reason', '')}"
    if entry.kind is EntryKind.VERIFIED:
        return f"{_version(data.get('release'))} healthy on {plural(len(data.get('clusters', ())), 'cluster')}"
    number = data.get("pullRequest")
    commit = str(data.get("commit", ""))[:12]
    words = [f"#{number}" if number else "", f"as {commit}" if commit else "", str(data.get("reason", ""))]
    return " ".join(word for word in words if word)


def _decision(data: Mapping[str, Any]) -> str:
    if data.get("stage") == "merge":
        return f"merge #{data.get('pullRequest')} at {str(data.get('head', ''))[:7]}"
    before = _version(data.get("before")) or "nothing"
    return f"{data.get('promotion', '')} {before} → {_version(data.get('after'))}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _version(release: Any) -> str:
    return str(release.get("version", "")) if isinstance(release, Mapping) else ""
