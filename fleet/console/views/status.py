"""How the state of the fleet looks."""

from __future__ import annotations

from fleet.console.terminal import Terminal
from fleet.model.events import Level
from fleet.model.health import SEVERITY, HealthStatus
from fleet.model.status import AppStatus, FleetStatus, TargetStatus

_BAD = (HealthStatus.FAILED, HealthStatus.MISSING)


def show_environments(terminal: Terminal, status: FleetStatus, *, wide: bool = False) -> None:
    """Print a row per environment and app."""
    rows = [
        (
            row.environment,
            row.app,
            _release(row),
            str(len(row.targets)),
            health_text(row),
            _drift(row),
            ", ".join(f"#{p.number} open" for p in row.pull_requests),
        )
        for row in status.apps
    ]
    columns = ("ENVIRONMENT", "APP", "RELEASE", "CLUSTERS", "HEALTH", "DRIFT", "PULL REQUEST")
    terminal.table(columns, rows, styles=[_style(row) for row in status.apps])
    _show_notes(terminal, status, wide=wide)


def show_apps(terminal: Terminal, status: FleetStatus) -> None:
    """Print a row per app, with a column per environment."""
    environments = list(dict.fromkeys(row.environment for row in status.apps))
    by_key = {(row.app, row.environment): row for row in status.apps}
    rows = []
    for app in dict.fromkeys(row.app for row in status.apps):
        cells = [by_key.get((app, environment)) for environment in environments]
        rows.append((app, *(f"{_release(cell)} {health_text(cell)}" if cell else "" for cell in cells)))
    terminal.table(("APP", *(name.upper() for name in environments)), rows)
    _show_notes(terminal, status, wide=False)


def show_clusters(terminal: Terminal, status: FleetStatus) -> None:
    """Print a row per cluster."""
    rows = [
        (
            cluster.name,
            cluster.environment,
            cluster.wave,
            "reachable" if cluster.reachable else "unknown",
            f"{cluster.healthy}/{cluster.apps} healthy" if cluster.reachable else "",
            cluster.reason,
        )
        for cluster in status.clusters
    ]
    styles = [None if cluster.reachable else "yellow" for cluster in status.clusters]
    terminal.table(("CLUSTER", "ENVIRONMENT", "WAVE", "STATE", "APPS", "REASON"), rows, styles=styles)


def health_text(row: AppStatus) -> str:
    """Return like `2/3 healthy, 1 progressing`: how many targets are healthy at exactly this release."""
    text = f"{row.healthy}/{len(row.targets)} healthy"
    others: dict[str, int] = {}
    for target in row.targets:
        if not (target.exact and target.health is HealthStatus.HEALTHY):
            others[_word(target)] = others.get(_word(target), 0) + 1
    if row.release is None:
        return "no release"
    return ", ".join([text, *(f"{number} {word}" for word, number in sorted(others.items()))])


def _word(target: TargetStatus) -> str:
    """Return the state of a target in one word; `pending`: something else than the declared release is live."""
    if target.health in (HealthStatus.UNKNOWN, HealthStatus.FAILED) or target.exact:
        return target.health.value
    if target.running == target.desired and target.health is HealthStatus.MISSING:
        return target.health.value
    return "pending"


def _release(row: AppStatus) -> str:
    return row.release.short if row.release else ""


def _drift(row: AppStatus) -> str:
    return "" if row.drifted is None else str(row.drifted)


def _style(row: AppStatus) -> str | None:
    worst = max((t.health for t in row.targets), key=SEVERITY.__getitem__, default=HealthStatus.HEALTHY)
    if worst in _BAD:
        return "red"
    return "yellow" if row.release and (row.healthy < len(row.targets) or row.drifted) else None


def _show_notes(terminal: Terminal, status: FleetStatus, *, wide: bool) -> None:
    """Print which clusters run what during a roll-out, and the reason of everything that is not well."""
    notes = [line for row in status.apps for line in _rollout(row, wide=wide)]
    notes += [f"{row.environment}/{row.app} is {text}" for row in status.apps for text in row.restrictions]
    if notes:
        terminal.print()
        for line in notes:
            terminal.print(line)
    for cluster, reason in status.unreachable.items():
        terminal.say(Level.WARN, f"`{cluster}` is unknown: {reason}")
    for warning in status.warnings:
        terminal.say(Level.WARN, warning)


def _rollout(row: AppStatus, *, wide: bool) -> list[str]:
    lines = []
    by_release: dict[str, list[str]] = {}
    for target in row.targets:
        name = target.running.short if target.running else "nothing of fleet"
        by_release.setdefault(name, []).append(target.target.cluster)
    other = any(t.running != t.desired for t in row.pending)
    if row.release and other and (wide or len(by_release) > 1):
        where = "; ".join(f"{release} on {', '.join(names)}" for release, names in by_release.items())
        lines.append(f"{row.environment}/{row.app} rolls out {row.release.short}: {where}")
    lines += [
        f"{t.target}: {t.health}: {t.reason}"
        for t in row.targets
        if t.reason and t.running == t.desired and t.health not in (HealthStatus.HEALTHY, HealthStatus.UNKNOWN)
    ]
    return lines
