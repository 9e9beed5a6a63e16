"""How changes of objects look to a person: one line per object, one per field. Values of Secrets are masked before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fleet.console.terminal import Terminal
from fleet.model.change import MASK, ChangeKind, ChangeSet, FieldChange
from fleet.model.names import Target

VALUE_LIMIT = 120
"""Characters of a value that are shown; JSON output never cuts."""

_STYLE = {
    ChangeKind.ADDED: "green",
    ChangeKind.CHANGED: "yellow",
    ChangeKind.REMOVED: "red",
    ChangeKind.MISSING: "red",
}
_WIDTH = max(len(kind) for kind in ChangeKind)


def show_changes(terminal: Terminal, changes: ChangeSet, *, indent: str = "  ", short: bool = False) -> None:
    """Print each object that differs and, unless ``short``, each of its fields."""
    for change in changes.objects:
        risks = f"  ({', '.join(change.risks)})" if change.risks else ""
        terminal.print(f"{indent}{change.kind.value.ljust(_WIDTH)}  {change.ref}{risks}", _STYLE[change.kind])
        if not short:
            for field in change.fields:
                terminal.print(f"{indent}    {field_line(field)}")


def field_line(field: FieldChange) -> str:
    """Return one field as `path: old → new`, with who changed it and when, if that is known."""
    if field.old == MASK or field.new == MASK:
        text = f"{field.path}: {MASK} {field.kind}"
    elif field.kind is ChangeKind.ADDED:
        text = f"{field.path}: added {value_text(field.new)}"
    elif field.kind is ChangeKind.REMOVED:
        text = f"{field.path}: {value_text(field.old)} removed"
    else:
        text = f"{field.path}: {value_text(field.old)} → {value_text(field.new)}"
    if field.manager:
        when = f" at {field.time}" if field.time else ""
        text += f"   by {field.manager}{when}"
    return text


def value_text(value: Any) -> str:
    """Return a value as one short line of JSON; plain words stand without quotes."""
    if isinstance(value, str) and value and not any(c.isspace() or c == '"' for c in value):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= VALUE_LIMIT else f"{text[: VALUE_LIMIT - 1]}…"


def count_text(changes: ChangeSet) -> str:
    """Return how many objects differ, by kind: `1 added, 2 changed`; empty if nothing differs."""
    return ", ".join(f"{number} {kind}" for kind in ChangeKind if (number := changes.count(kind)))


def targets_text(targets: Sequence[Target], limit: int = 4) -> str:
    """Return targets as one line, and the number of those left out."""
    shown = ", ".join(str(t) for t in targets[:limit])
    return f"{shown} and {len(targets) - limit} more" if len(targets) > limit else shown


def plural(number: int, noun: str) -> str:
    """Return `1 target`, `2 targets`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
