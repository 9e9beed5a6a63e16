"""Reads fields out of live objects, whatever stands there: a field of the wrong type counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleet.model.objects import Manifest


def mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a mapping below a key; an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def mappings(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the mappings of a list below a key."""
    found = value.get(key)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def number(value: Mapping[str, Any], key: str, default: int = 0) -> int:
    """Return a whole number below a key."""
    found = value.get(key)
    return found if isinstance(found, int) else default


def conditions(live: Manifest) -> list[Mapping[str, Any]]:
    """Return the conditions in the status of an object."""
    return mappings(mapping(live, "status"), "conditions")


def condition(live: Manifest, type_: str) -> Mapping[str, Any] | None:
    """Return one condition by its type."""
    return next((c for c in conditions(live) if c.get("type") == type_), None)
