"""Everything that a tree declares, parsed but not yet checked as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from fleet.adapters.config.document import Document
from fleet.errors import Location, Problem
from fleet.model.declared import AppSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.release import Pin

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Model]):
    """One file: its model, if it is valid, and what is wrong with it otherwise."""

    path: str
    document: Document | None
    model: Model | None
    problems: tuple[Problem, ...] = ()
    partial: Model | None = None
    """Of a file that is not valid: the model of what is well-formed in it."""

    @property
    def known(self) -> Model | None:
        """What can be said about the file. What it lacks may only be missing because it is wrong."""
        return self.model if self.model is not None else self.partial

    def at(self, *path: str | int) -> Location:
        """Return the place of a key."""
        return self.document.at(path) if self.document else Location(self.path)

    def within(self, *path: str | int, line: int, column: int) -> Location:
        """Return the place of a line and column of a text."""
        return self.document.within(path, line, column) if self.document else Location(self.path)


@dataclass(frozen=True)
class Declared:
    """All files of a fleet by name. A file that is wrong has an entry too, so that nothing refers to it in vain."""

    fleet: Parsed[FleetFile]
    environments: dict[str, Parsed[EnvironmentSpec]]
    pins: dict[tuple[str, str], Parsed[Pin]]
    clusters: dict[str, Parsed[ClusterSpec]]
    apps: dict[str, Parsed[AppSpec]]
    templates: set[str]
    programs: set[str]

    def files(self) -> Iterator[Parsed[Any]]:
        """Yield every file."""
        yield self.fleet
        for group in (self.environments, self.pins, self.clusters, self.apps):
            yield from group.values()
