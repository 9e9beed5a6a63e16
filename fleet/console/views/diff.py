"""How differences between desired and live state look."""

from __future__ import annotations

from fleet.console.errors import show_problems
from fleet.console.terminal import Terminal
from fleet.console.views.changes import count_text, plural, show_changes, targets_text
from fleet.engine.grouping import group_targets
from fleet.model.drift import DiffReport
from fleet.model.events import Level


def show_diff(terminal: Terminal, report: DiffReport, *, short: bool = False) -> None:
    """Print what would change, grouped over targets that change in the same way, then the sum."""
    for group in group_targets({t.target: t.changes for t in report.different}):
        many = f"{plural(len(group.targets), 'target')}: " if len(group.targets) > 1 else ""
        terminal.print(f"{many}{targets_text(group.targets)}  ({count_text(group.changes)})", "bold")
        show_changes(terminal, group.changes, short=short)
        terminal.print()
    show_problems(terminal, report.problems)
    for cluster, reason in report.unreachable.items():
        terminal.say(Level.WARN, f"`{cluster}` is not known: {reason}")
    terminal.print(_sum(report))


def _sum(report: DiffReport) -> str:
    different = report.different
    faulty = [t for t in report.targets if t.problems]
    unknown = [t for t in report.targets if t.unreachable]
    same = [t for t in report.targets if t.changes.empty and not t.problems and not t.unreachable and t.release]
    parts = []
    if different:
        objects = sum(len(t.changes.objects) for t in different)
        parts.append(f"{plural(objects, 'object')} would change on {plural(len(different), 'target')}")
    if same:
        parts.append(f"{plural(len(same), 'target')} without a difference")
    if faulty:
        parts.append(f"{len(faulty)} with problems")
    if unknown:
        parts.append(f"{len(unknown)} not known")
    return ", ".join(parts) or "no target has a release"
