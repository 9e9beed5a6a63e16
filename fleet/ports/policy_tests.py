"""Reads policy tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fleet.errors import Location, Problem
from fleet.model.fleet import Fleet
from fleet.model.policy_test import PolicyTestFile
from fleet.ports.tree import Tree


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """One file of scenarios."""

    path: str
    content: PolicyTestFile
    locate: Callable[[Sequence[str | int]], Location]
    """Returns the place of a key, by the keys and numbers of items that lead to it."""


@dataclass(frozen=True, slots=True)
class Scenarios:
    """All files that can be used, and what is wrong with all of them."""

    files: tuple[ScenarioFile, ...]
    problems: tuple[Problem, ...] = ()


class ScenarioReader(Protocol):
    """Reads files of scenarios, and checks them against the fleet."""

    def read(self, tree: Tree, fleet: Fleet, places: Sequence[str]) -> Scenarios:
        """Return the scenarios of some files, and of the YAML files below some directories.

        Raises:
            UsageError: a place is not there.
        """
        ...
