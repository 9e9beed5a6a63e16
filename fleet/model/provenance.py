"""Values with the place that each came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleet.errors import Location
from fleet.model.base import Report


@dataclass(frozen=True, slots=True)
class ValueLayer:
    """One source of values, in order of precedence: app, environment, cluster, pin values, pin release."""

    source: str
    """What it is, for people: `app bookinfo`, `environment prod`, `cluster prod-eu`, `pin prod/bookinfo`."""
    path: str
    """File it is written in."""
    values: Mapping[str, Any]
    locations: Mapping[str, Location]
    """Place of each dotted path, where known."""


class ValueOrigin(Report):
    """Who set a value, and what it hides."""

    path: str
    """Dotted path of the value."""
    value: Any
    source: str
    location: Location | None = None
    hidden: tuple[ValueOrigin, ...] = ()
    """Values of less precedence that this one replaces, nearest first."""
