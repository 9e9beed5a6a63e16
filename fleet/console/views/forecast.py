"""How the outlook of promotions looks: `fleet plan`, `fleet why`, `fleet promotions advance`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fleet.console.terminal import Terminal
from fleet.console.views.pull_requests import VERDICT_STYLE
from fleet.model.advance import Advance, Advances, Step
from fleet.model.forecast import Forecast, Outlook
from fleet.model.gate import GateResult, Verdict

_STEP_STYLE = {Step.MERGED: "green", Step.OPENED: "green", Step.FAILED: "red"}


def show_forecast(terminal: Terminal, report: Forecast) -> None:
    """Print a row for each promotion."""
    if not report.outlooks:
        terminal.print("nothing to promote: every environment has the releases of the one before")
        return
    rows = [
        (
            one.environment,
            one.app,
            _release(one, before=True),
            _release(one, before=False),
            _state(one),
            ", ".join(gate.name for gate in one.held_by) or (one.error.message if one.error else "-"),
            _time(one.earliest) if one.earliest else "-",
            f"#{one.pull_request}" if one.pull_request else "-",
        )
        for one in report.outlooks
    ]
    terminal.table(("ENVIRONMENT", "APP", "NOW", "BECOMES", "STATE", "HELD BY", "EARLIEST", "PR"), rows)


def show_outlook(terminal: Terminal, one: Outlook) -> None:
    """Print what is in the way of one promotion, gate by gate."""
    if one.error is not None:
        terminal.print(f"{one.app} cannot be promoted to {one.environment}: {one.error.message}", "red")
        return
    if one.plan is None or one.nothing_to_do:
        after = one.plan.after.short if one.plan else "its release"
        terminal.print(f"nothing to promote: {one.environment} has {one.app} {after} already")
        return
    terminal.print(f"{one.plan.title}: {_sentence(one)}", "bold")
    for gate in one.gates:
        terminal.print()
        _show_gate(terminal, gate)


def next_of(one: Outlook) -> str:
    """Return what a person would do next; empty if there is nothing to do."""
    if one.error is not None:
        return next(iter(one.error.hints), "")
    if one.nothing_to_do:
        return ""
    held = one.held_by
    if held:
        return next((gate.hint for gate in held if gate.hint), "")
    return (
        f"fleet pr merge {one.pull_request}" if one.pull_request else f"fleet promote {one.app} --to {one.environment}"
    )


def show_advances(terminal: Terminal, report: Advances) -> None:
    """Print a line for each promotion that was looked at."""
    if not report.automatic:
        terminal.print("no environment promotes by itself: none has `merge: auto` in its policy")
        return
    if not report.advances:
        terminal.print(f"nothing to promote into {', '.join(report.automatic)}")
    for one in report.advances:
        terminal.print(_advance_text(one), _STEP_STYLE.get(one.step))


def _advance_text(one: Advance) -> str:
    number = f" (#{one.pull_request})" if one.pull_request else ""
    text = f"{one.app} {one.release} to {one.environment}: {one.step.value}{number}"
    if one.step is Step.MERGED and one.commit:
        return f"{text} as {one.commit[:7]}"
    if one.held_by:
        return f"{text}; held by {'; '.join(f'{gate.name}: {gate.reason}' for gate in one.held_by)}"
    return f"{text}; {one.error.message}" if one.error else text


def _show_gate(terminal: Terminal, gate: GateResult) -> None:
    terminal.print(f"[{gate.verdict.value}] {gate.name}: {gate.reason}", VERDICT_STYLE[gate.verdict])
    facts: Sequence[tuple[str, str]] = (
        ("since", _time(gate.since) if gate.since else ""),
        ("holds", ("opening the pull request" if gate.holds == "open" else "the merge") if not gate.passes else ""),
        ("cleared by", gate.clears or ""),
        ("earliest", _time(gate.earliest) if gate.earliest and not gate.passes else ""),
        ("overridden by", f"{gate.override.by}: {gate.override.reason}" if gate.override else ""),
        ("next", gate.hint or "" if not gate.passes else ""),
    )
    for name, text in facts:
        if text:
            terminal.print(f"  {name}: {text}")


def _sentence(one: Outlook) -> str:
    step = f"merging #{one.pull_request}" if one.pull_request else "opening the pull request"
    held = one.held_by
    if not held:
        return f"nothing is in the way of {step}"
    names = ", ".join(gate.name for gate in held)
    when = f"; by time alone from {_time(one.earliest)}" if one.earliest else ""
    return f"{step} is held by {names}{when}"


def _state(one: Outlook) -> str:
    if one.error is not None:
        return "error"
    step = "merge" if one.pull_request else "open"
    if one.verdict is Verdict.PASSED:
        return f"can {step}"
    return "refused" if one.verdict is Verdict.FAILED else "waits"


def _release(one: Outlook, *, before: bool) -> str:
    if one.plan is None:
        return "-"
    release = one.plan.before if before else one.plan.after
    return release.short if release is not None else "-"


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
