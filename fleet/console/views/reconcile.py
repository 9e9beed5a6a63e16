"""How a reconcile looks: the plan before, the dry run, and the result."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.console.errors import show_problems
from fleet.console.terminal import Terminal
from fleet.console.views.changes import count_text, plural, show_changes, targets_text
from fleet.engine.grouping import group_targets
from fleet.model.durations import human
from fleet.model.events import Level
from fleet.model.reconcile import Action, Outcome, PlannedTarget, ReconcilePlan, Run, TargetResult

ROWS = 40
"""Targets that a table shows without `-o wide`."""
_FEW = 12
"""Up to so many targets, those that did not change have a row too."""
_ADVICE = 8
"""Most warnings, and most lines of advice, after a run."""

_STYLES = {
    Outcome.FAILED: "red",
    Outcome.INVALID: "red",
    Outcome.UNREACHABLE: "yellow",
    Outcome.BLOCKED: "yellow",
    Outcome.APPLIED: "green",
    Outcome.REMOVED: "green",
}


def show_plan(terminal: Terminal, plan: ReconcilePlan, origin: str, *, wide: bool = False) -> None:
    """Print what a reconcile is going to do."""
    terminal.print(f"Reconcile {origin}: {summary(plan)}")
    listed = [t for t in plan.targets if wide or t.action is not Action.SKIP]
    if listed:
        terminal.print()
        _plan_table(terminal, listed if wide else listed[:ROWS])
        if len(listed) > ROWS and not wide:
            terminal.print(f"… and {len(listed) - ROWS} more; `-o wide` shows all")
    show_problems(terminal, tuple(dict.fromkeys(p for t in plan.targets for p in t.problems)))
    for hint in dict.fromkeys(t.hint for t in plan.having(Action.LEAVE) if t.hint):
        terminal.say(Level.HINT, hint)


def summary(plan: ReconcilePlan) -> str:
    """Return how many targets have which fate."""
    words = {
        Action.APPLY: "to apply",
        Action.REMOVE: "to remove",
        Action.AWAIT: "to wait for",
        Action.SKIP: "up to date",
        Action.REFUSE: "refused",
        Action.LEAVE: "left alone",
    }
    parts = [f"{len(found)} {word}" for action, word in words.items() if (found := plan.having(action))]
    return ", ".join(parts) or "no targets"


def _plan_table(terminal: Terminal, planned: list[PlannedTarget]) -> None:
    rows = [(str(t.target), t.wave, t.action.value, t.release.version if t.release else "", t.reason) for t in planned]
    styles = ["red" if t.action in (Action.REFUSE, Action.REMOVE) else None for t in planned]
    terminal.table(("TARGET", "WAVE", "ACTION", "RELEASE", "REASON"), rows, styles=styles)


def show_dry_run(terminal: Terminal, run: Run, *, short: bool = False) -> None:
    """Print what would change, grouped over targets that change in the same way."""
    changes = {r.target: r.changes for r in run.results if not r.changes.empty}
    for group in group_targets(changes):
        terminal.print()
        head = plural(len(group.targets), "target")
        terminal.print(f"{head}: {targets_text(group.targets)}  ({count_text(group.changes)})", "bold")
        show_changes(terminal, group.changes, short=short)
    bad = [r for r in run.results if not r.ok]
    if bad:
        terminal.print()
        _result_table(terminal, bad)
    same = [r for r in run.having(Outcome.PLANNED) if r.changes.empty and r.reason != "not declared any more"]
    if same:
        terminal.print()
        terminal.print(f"{plural(len(same), 'target')}: no object would change")
    _show_warnings(terminal, run)
    _show_advice(terminal, run)
    terminal.print()
    terminal.print("dry run: nothing was changed")


def show_run(terminal: Terminal, run: Run, *, wide: bool = False) -> None:
    """Print the result of a run."""
    unchanged = run.having(Outcome.UNCHANGED)
    if run.ok and len(unchanged) == len(run.results):
        _show_warnings(terminal, run)
        terminal.print(f"nothing to do: {plural(len(unchanged), 'target')} up to date")
        return
    listed = [r for r in run.results if wide or len(run.results) <= _FEW or r.outcome is not Outcome.UNCHANGED]
    terminal.print()
    _result_table(terminal, listed)
    if len(listed) < len(run.results):
        terminal.print(f"… and {len(run.results) - len(listed)} up to date; `-o wide` shows all")
    _show_warnings(terminal, run)
    _show_advice(terminal, run)
    terminal.print()
    counts = ", ".join(f"{len(found)} {outcome}" for outcome in Outcome if (found := run.having(outcome)))
    took = human((run.finished - run.started).total_seconds()) if run.finished else "?"
    terminal.print(f"run {run.id}: {counts} in {took}")


def _result_table(terminal: Terminal, results: list[TargetResult]) -> None:
    rows = [
        (
            str(r.target),
            r.wave,
            r.outcome.value,
            count_text(r.changes),
            r.health.status.value if r.health else "",
            human(r.duration) if r.duration else "",
            r.reason,
        )
        for r in results
    ]
    columns = ("TARGET", "WAVE", "RESULT", "CHANGES", "HEALTH", "TIME", "REASON")
    terminal.table(columns, rows, styles=[_STYLES.get(r.outcome) for r in results])


def _show_warnings(terminal: Terminal, run: Run) -> None:
    """Print what went well but should be known; the same warning once."""
    _show_by_text(terminal, Level.WARN, [(text, r) for r in run.results for text in r.warnings])


def _show_advice(terminal: Terminal, run: Run) -> None:
    """Print what to do next about each target that ended badly; the same advice once."""
    show_problems(terminal, tuple(dict.fromkeys(p for r in run.results for p in r.problems)))
    _show_by_text(terminal, Level.HINT, [(r.hint, r) for r in run.results if not r.ok and r.hint])


def _show_by_text(terminal: Terminal, level: Level, found: Sequence[tuple[str, TargetResult]]) -> None:
    """Print each text once, with the targets that it is about; not too many."""
    targets_of: dict[str, list[str]] = {}
    for text, result in found:
        targets_of.setdefault(text, []).append(str(result.target))
    for text, targets in list(targets_of.items())[:_ADVICE]:
        more = f" (and {len(targets) - 1} more)" if len(targets) > 1 else ""
        terminal.say(level, f"{targets[0]}{more}: {text}")
    if len(targets_of) > _ADVICE:
        terminal.say(level, f"… and {len(targets_of) - _ADVICE} more like these; `-o json` has all")
