"""How the metrics of delivery look."""

from __future__ import annotations

from fleet.console.terminal import Terminal
from fleet.model.dora import DoraReport, DoraRow, Spread
from fleet.model.events import Level

_NAMES = {
    "deployments": "DEPLOYMENTS, PER WEEK",
    "leadTime": "LEAD TIME",
    "failureRate": "FAILED",
    "recovery": "RECOVERY",
    "percentiles": "MEDIAN, P90",
}


def show_report(terminal: Terminal, report: DoraReport) -> None:
    """Print a line for each environment, and one for each app in it."""
    if not report.rows:
        terminal.print("no release was ever changed here")
        return
    columns = ["ENVIRONMENT", "APP", "DEPLOYMENTS", "PER WEEK", "LEAD TIME", "P90", "FAILED", "RECOVERY", "P90"]
    terminal.table(columns, [_cells(row) for row in report.rows])
    terminal.print()
    terminal.print(f"{report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC", "dim")
    if report.inferred:
        terminal.print(
            f"{report.inferred} of the changes were made by hand; what they were is told from the pins", "dim"
        )
    terminal.print(
        "lead time: first commit of the app in a release to its landing; failed: rolled back, or mended by a hotfix "
        "(fleet dora --definitions)",
        "dim",
    )
    for text in report.unknown:
        terminal.say(Level.WARN, text)


def show_definitions(terminal: Terminal, report: DoraReport) -> None:
    """Print what each metric means."""
    for name, text in report.definitions.items():
        terminal.print(_NAMES.get(name, name), "bold")
        terminal.print(f"  {text}")


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units: `3d 4h`, `12m 5s`."""
    if seconds is None:
        return ""
    left = round(seconds)
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    shown = [part for part in parts[:2] if not part.startswith("0")]
    return " ".join(shown) or "0s"


def _cells(row: DoraRow) -> list[str]:
    failed = f"{row.failures} ({row.failure_rate:.0%})" if row.failure_rate is not None else ""
    return [
        row.environment,
        row.app or "(all)",
        str(row.deployments),
        f"{row.per_week:.1f}",
        *_spread(row.lead_time),
        failed,
        *_spread(row.recovery),
    ]


def _spread(spread: Spread) -> tuple[str, str]:
    return duration(spread.median), duration(spread.p90)
