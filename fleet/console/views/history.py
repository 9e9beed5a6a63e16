"""How the history of releases looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.console.terminal import Terminal
from fleet.model.gate import GateResult
from fleet.model.ledger import HistoryDetail
from fleet.model.promotion import HistoryEntry
from fleet.model.release import Release


def show_history(terminal: Terminal, entries: Sequence[HistoryEntry], *, wide: bool = False) -> None:
    """Print one line per change of a pin, newest first."""
    if not entries:
        terminal.print("no release was ever changed here")
        return
    columns = ["ID", "TIME", "KIND", "ENVIRONMENT", "APP", "FROM", "TO", "PR", "BY"]
    rows = [
        [
            entry.id,
            f"{entry.time:%Y-%m-%d %H:%M}",
            kind_of(entry),
            entry.environment,
            entry.app,
            _release(entry.before, wide=wide or _same_version(entry)),
            _release(entry.after, wide=wide or _same_version(entry)),
            f"#{entry.pull_request}" if entry.pull_request else "",
            entry.author.partition(" <")[0],
        ]
        for entry in entries
    ]
    terminal.table(columns, rows)


def show_entries(terminal: Terminal, entries: Sequence[HistoryDetail]) -> None:
    """Print all that is known of one commit's changes."""
    for number, entry in enumerate(entries):
        if number:
            terminal.print()
        terminal.print(f"{entry.id} {entry.subject}", "bold")
        source = f" from {entry.source}" if entry.source else ""
        rows = [
            ("kind", f"{entry.kind.value}{source}{', told from the pins' if entry.inferred else ''}"),
            ("app", entry.app),
            ("environment", entry.environment),
            ("before", _release(entry.before, wide=True) or "nothing"),
            ("after", _release(entry.after, wide=True) or "nothing"),
            ("author", entry.author),
            ("landed", f"{entry.time:%Y-%m-%d %H:%M:%S} UTC by {entry.landed_by}"),
            ("pull request", f"#{entry.pull_request}" if entry.pull_request else "none that is known"),
            ("commit", entry.commit),
        ]
        rows += _moved("image", entry.before.images if entry.before else {}, entry.after.images if entry.after else {})
        rows += _moved("value", entry.before.values if entry.before else {}, entry.after.values if entry.after else {})
        rows += _decided(entry)
        if entry.rollback:
            rows.append(("go back", entry.rollback))
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            terminal.print(f"  {name.ljust(width)}  {value}")


def kind_of(entry: HistoryEntry) -> str:
    """Return the kind of an entry; `~` stands before one that was told from the pins."""
    return f"~{entry.kind.value}" if entry.inferred else entry.kind.value


def _decided(entry: HistoryDetail) -> list[tuple[str, str]]:
    """Return what let a change land: from the ledger, else from the commit itself."""
    words = {"Fleet-Approved-By": "approved by", "Fleet-Override": "override", "Fleet-Plan": "plan"}
    rows = [(word, value) for key, word in words.items() for value in entry.trailers.get(key, ())]
    decision = entry.decision
    if decision is None:
        rows += [("gate", value) for value in entry.trailers.get("Fleet-Gate", ())]
        return [*rows, ("decision", "none in the ledger")]
    rows += [("gate", _gate(gate)) for gate in decision.gates]
    for counts in decision.changes:
        changed = ", ".join(
            f"{number} {word}"
            for number, word in ((counts.added, "added"), (counts.changed, "changed"), (counts.removed, "removed"))
            if number
        )
        rows.append(("rendered", f"{', '.join(counts.clusters)}: {changed or 'nothing changes'}"))
    when = f"{entry.decided_at:%Y-%m-%d %H:%M:%S} UTC" if entry.decided_at else ""
    return [*rows, ("decision", f"entry {entry.sequence} of the ledger: {when} by {entry.decided_by}")]


def _gate(gate: GateResult) -> str:
    past = f", overridden by {gate.override.by}: {gate.override.reason}" if gate.override else ""
    return f"{gate.name} {gate.verdict.value}{past}: {gate.reason}"


def _moved(what: str, before: Mapping[str, object], after: Mapping[str, object]) -> list[tuple[str, str]]:
    return [
        (f"{what} {name}", f"{before.get(name, '(default)')} → {after.get(name, '(default)')}")
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _same_version(entry: HistoryEntry) -> bool:
    return entry.before is not None and entry.after is not None and entry.before.version == entry.after.version


def _release(release: Release | None, *, wide: bool) -> str:
    if release is None:
        return ""
    return release.short if wide else release.version
