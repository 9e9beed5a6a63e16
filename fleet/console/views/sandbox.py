"""How the sandbox looks to a person."""

from __future__ import annotations

import shlex

from fleet.console.terminal import Terminal
from fleet.model.durations import human
from fleet.model.sandbox import ClusterState, Leftovers, Sandbox

_STYLES = {ClusterState.READY: None, ClusterState.DEGRADED: "yellow", ClusterState.DOWN: "red"}


def show_sandbox(terminal: Terminal, sandbox: Sandbox) -> None:
    """Print a table of the clusters, and where the rest is."""
    if not sandbox.clusters:
        terminal.print("there is no sandbox")
        return
    rows = [
        (
            cluster.name,
            cluster.state.value,
            cluster.version or "",
            str(cluster.nodes),
            _megabytes(cluster.memory),
            cluster.server,
            human(cluster.seconds) if cluster.seconds is not None else "",
            cluster.reason,
        )
        for cluster in sandbox.clusters
    ]
    headings = ("CLUSTER", "STATE", "VERSION", "NODES", "MEMORY", "SERVER", "TOOK", "REASON")
    used = [i for i, _ in enumerate(headings) if i < 6 or any(row[i] for row in rows)]
    terminal.table(
        [headings[i] for i in used],
        [[row[i] for i in used] for row in rows],
        styles=[_STYLES[cluster.state] for cluster in sandbox.clusters],
    )
    terminal.print(f"kubeconfig  {sandbox.kubeconfig}")
    if sandbox.origin and sandbox.fleet:
        terminal.print(f"git origin  {sandbox.origin}")
        terminal.print(f"demo fleet  {sandbox.fleet}")


def next_step(sandbox: Sandbox) -> str:
    """Return what a person would do next, as a command line."""
    if sandbox.fleet:
        return f"cd {shlex.quote(str(sandbox.fleet))} && fleet reconcile"
    return f"export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}"


def show_leftovers(terminal: Terminal, left: Leftovers) -> None:
    """Print what is about to be removed."""
    terminal.print(f"in {left.root}: {_counts(left)}")
    for file in left.unsaved:
        terminal.print(f"  not committed: {file}")


def show_removed(terminal: Terminal, left: Leftovers) -> None:
    """Print what was removed."""
    if left.empty:
        terminal.print("there is no sandbox; nothing to remove")
    else:
        terminal.print(f"removed {left.root}: {_counts(left)}")


def _counts(left: Leftovers) -> str:
    names = f" ({', '.join(left.clusters)})" if left.clusters else ""
    return f"{_many(len(left.clusters), 'cluster')}{names}, {_many(left.processes, 'process')}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 'es' if noun.endswith('s') else 's'}"


def _megabytes(amount: int) -> str:
    return f"{amount / 1e6:.0f} MB" if amount else ""
