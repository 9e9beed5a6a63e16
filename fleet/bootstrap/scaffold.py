"""Wires what writes new fleets: it works before there is a fleet repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.ports.scaffold import Scaffold, Templates


def templates() -> Templates:
    """Return the fleets that a new one can start from."""
    from fleet.adapters.config.example import ExampleTemplates

    return ExampleTemplates()


def scaffold() -> Scaffold:
    """Return what writes and commits a new fleet."""
    from fleet.adapters.config.scaffold import GitScaffold

    return GitScaffold()
