"""How a decision that is made again looks."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.console.terminal import Terminal
from fleet.model.gate import GateResult
from fleet.model.ledger import Replay


def show_replays(terminal: Terminal, found: Sequence[Replay]) -> None:
    """Print each decision with its gates, then and now."""
    for number, one in enumerate(found):
        if number:
            terminal.print()
        _show(terminal, one)


def _show(terminal: Terminal, one: Replay) -> None:
    decision = one.decision
    before = decision.before.short if decision.before else "nothing"
    source = f" from {decision.source}" if decision.source else ""
    terminal.print(f"{decision.promotion.value} of {decision.app}{source} to {decision.environment}", "bold")
    terminal.print(f"  release  {before} → {decision.after.short}")
    terminal.print(f"  decided  {one.time:%Y-%m-%d %H:%M:%S} UTC by {one.actor}, ledger entry {one.sequence}")
    terminal.print(f"  fleet    as of commit {decision.base[:12]}")
    terminal.print(f"  plan     {decision.plan[:12]}")
    for seen in decision.observations.targets if decision.observations else ():
        exact = "exactly this release" if seen.exact else "not exactly this release"
        reason = f": {seen.reason}" if seen.reason else ""
        terminal.print(f"  seen     {seen.target} {seen.release.version}: {seen.status.value}, {exact}{reason}")
    for override in decision.overrides:
        terminal.print(f"  override {override.gate} by {override.by}: {override.reason}")
    rows = [[gate.name, _verdict(gate.then), _verdict(gate.now), _reason(gate.now or gate.then)] for gate in one.gates]
    if rows:
        styles = [None if gate.same else "yellow" for gate in one.gates]
        terminal.table(["GATE", "THEN", "NOW", "REASON"], rows, styles=styles)
    if one.ok:
        terminal.print("the same is decided again", "green")
    for text in one.differences:
        terminal.print(f"differs: {text}", "yellow")


def _verdict(gate: GateResult | None) -> str:
    if gate is None:
        return ""
    return f"{gate.verdict.value}, overridden" if gate.override else gate.verdict.value


def _reason(gate: GateResult | None) -> str:
    return gate.reason if gate else ""
