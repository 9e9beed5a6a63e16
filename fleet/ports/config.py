"""Loads the fleet model from a tree of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fleet.errors import Location, Problem
from fleet.model.declared import AppSpec
from fleet.model.fleet import Fleet
from fleet.model.provenance import ValueLayer
from fleet.model.release import Release
from fleet.ports.tree import Tree


@dataclass(frozen=True, slots=True)
class LoadedFleet:
    """What a tree holds: the fleet (unless it cannot be built at all) and every problem found on the way."""

    fleet: Fleet | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that are not warnings."""
        return tuple(p for p in self.problems if p.severity == "error")


class FleetLoader(Protocol):
    """Reads the declared files. Never raises for what a file says: problems are collected."""

    def load(self, tree: Tree) -> LoadedFleet:
        """Load and cross-check a whole fleet."""
        ...

    def load_app(self, tree: Tree, app: str) -> AppSpec:
        """Load one `app.yaml`, for an app at its pinned revision.

        Raises:
            ConfigError: the file is missing or wrong.
        """
        ...

    def layers(self, tree: Tree, app_tree: Tree, app: str, environment: str, cluster: str) -> tuple[ValueLayer, ...]:
        """Return the value layers of a target with the place of each value, least precedence first."""
        ...

    def locate(self, tree: Tree, path: str, *keys: str | int) -> Location:
        """Return the place of a key in a declared file, or of the nearest enclosing one that is there."""
        ...


class PinEditor(Protocol):
    """Edits the release block of a pin file and nothing else."""

    def read(self, content: bytes, path: str) -> Release | None:
        """Return the release of a pin file.

        Raises:
            ConfigError: the file cannot be read.
        """
        ...

    def write(self, content: bytes | None, release: Release, path: str) -> bytes:
        """Return the file with this release; every byte outside the `release:` block stays as it is.

        ``None`` makes a new file. Writing the release that is there returns the same bytes.
        """
        ...

    def restore(self, content: bytes, earlier: bytes, path: str) -> bytes:
        """Return the file with the `release:` block of an earlier version of it, byte for byte."""
        ...
