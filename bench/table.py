"""The table that `make bench` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.measure import Cost


@dataclass(frozen=True)
class Row:
    """One figure. `aim` is what we want it to be, in words."""

    what: str
    who: str
    cost: Cost
    aim: str = ""
    note: str = ""


def text(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| What | Who | CPU-s | wall s | peak MiB | aim | note |",
        "|---|---|---:|---:|---:|---|---|",
    ]
    for row in rows:
        cost = row.cost
        figures = " | ".join(_figure(value) for value in (cost.cpu, cost.wall))
        rss = f"{cost.rss:.0f}" if cost.rss else "-"
        lines.append(f"| {row.what} | {row.who} | {figures} | {rss} | {row.aim or '-'} | {row.note or '-'} |")
    return "\n".join(lines)


def _figure(value: float) -> str:
    if not value:
        return "-"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"
