"""Differences between objects: the one form that diff, drift, plans and pull request bodies share."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from fleet.model.base import Report
from fleet.model.objects import ObjectRef

MASK = "(secret)"
"""What is shown in the place of a secret value."""


class ChangeKind(StrEnum):
    """What happens, or happened, to an object or field."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    MISSING = "missing"  # drift only: recorded, but gone from the cluster


class FieldChange(Report):
    """One field that differs. ``path`` is like `spec.template.spec.containers[name=app].image`."""

    path: str
    kind: ChangeKind
    old: Any = None
    new: Any = None
    manager: str | None = None
    """Drift only: the field manager that wrote the live value."""
    time: str | None = None
    """Drift only: when it did (RFC 3339)."""


class ObjectChange(Report):
    """One object that differs. An added or removed object lists no fields."""

    ref: ObjectRef
    kind: ChangeKind
    fields: tuple[FieldChange, ...] = ()
    risks: tuple[str, ...] = ()
    """What applying this change does beyond the fields: `restarts pods`, `replaces the object`."""


class ChangeSet(Report):
    """All objects that differ between two states of one target, sorted by reference."""

    objects: tuple[ObjectChange, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not self.objects

    def count(self, kind: ChangeKind) -> int:
        """Return how many objects differ in this way."""
        return sum(1 for change in self.objects if change.kind == kind)
