"""How the result of `fleet explain` looks."""

from __future__ import annotations

import json
from typing import Any

from fleet.console.terminal import Terminal
from fleet.errors import Location
from fleet.operations.explain import Explanation

_WIDTH = 60


def show_explanation(terminal: Terminal, explanation: Explanation) -> None:
    """Print the release, then every image and value with its origin; what one hides stands below it."""
    release = explanation.release.short if explanation.release else "none"
    terminal.print(f"{explanation.target}", "bold")
    terminal.print(f"release  {release}  {explanation.release_source}  {_place(explanation.release_location)}".rstrip())
    terminal.print()
    rows: list[tuple[str, str, str, str]] = []
    styles: list[str | None] = []
    for image in explanation.images:
        rows.append((f"images.{image.name}", image.reference, image.source, _place(image.location)))
        styles.append(None)
        if image.hidden is not None:
            rows.append(("  hides", image.hidden, f"app {explanation.target.app}", ""))
            styles.append("dim")
    for value in explanation.values:
        rows.append((value.path, _text(value.value), value.source, _place(value.location)))
        styles.append(None)
        for hidden in value.hidden:
            name = "  hides" if hidden.path == value.path else f"  hides {hidden.path}"
            rows.append((name, _text(hidden.value), hidden.source, _place(hidden.location)))
            styles.append("dim")
    terminal.table(("VALUE", "IS", "SET BY", "AT"), rows, styles=styles)
    if explanation.changes:
        terminal.print()
        terminal.print("promotable: it moves with the release. Changed here by")
        terminal.table(
            ("COMMIT", "TIME", "KIND", "RELEASE", "BECAME", "BY"),
            [
                (c.commit[:7], f"{c.time:%Y-%m-%d %H:%M}", c.kind.value, c.version, _text(c.value), c.author)
                for c in explanation.changes
            ],
        )


def _place(location: Location | None) -> str:
    return str(location) if location is not None else ""


def _text(value: Any) -> str:
    if value is None:
        return "(removed)"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
