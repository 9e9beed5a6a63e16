"""How drift looks."""

from __future__ import annotations

from fleet.console.terminal import Terminal
from fleet.console.views.changes import count_text, plural, show_changes
from fleet.model.drift import DriftReport, DriftState
from fleet.model.events import Level


def show_drift(terminal: Terminal, report: DriftReport, *, short: bool = False) -> None:
    """Print each drifted target with its objects and fields, then what could not be compared, then the sum."""
    drifted = report.having(DriftState.DRIFTED)
    for found in drifted:
        terminal.print(f"{found.target}  ({count_text(found.changes)})", "bold")
        show_changes(terminal, found.changes, short=short)
        terminal.print()
    for cluster, reason in report.unreachable.items():
        terminal.say(Level.WARN, f"`{cluster}` is not known: {reason}")
    for found in report.having(DriftState.UNRECORDED, DriftState.SUPERSEDED):
        terminal.say(Level.WARN, f"{found.target}: {found.reason}")
    terminal.print(_sum(report))


def _sum(report: DriftReport) -> str:
    drifted = report.having(DriftState.DRIFTED)
    clean = report.having(DriftState.CLEAN)
    unknown = len(report.targets) - len(drifted) - len(clean)
    if not drifted:
        text = f"no drift on {plural(len(clean), 'target')}"
    else:
        objects = sum(len(t.changes.objects) for t in drifted)
        text = f"{plural(objects, 'object')} drifted on {plural(len(drifted), 'target')}, {len(clean)} clean"
    return f"{text}, {unknown} not known" if unknown else text
