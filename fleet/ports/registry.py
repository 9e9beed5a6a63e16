"""Asks container registries what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from fleet.errors import FleetError
from fleet.model.registry import Manifest, Repository


class Registries(Protocol):
    """Reads registries; never writes. Questions are asked side by side, and each has an answer of its own.

    What goes wrong with one is its answer, as an error, and does not touch the others.
    """

    def tags(self, repositories: Collection[Repository]) -> Mapping[Repository, Sequence[str] | FleetError]:
        """Return all tags of each repository."""
        ...

    def manifests(
        self, wanted: Collection[tuple[Repository, str]]
    ) -> Mapping[tuple[Repository, str], Manifest | FleetError | None]:
        """Return what each tag points at, with the digest that its content has; None: there is no such tag."""
        ...

    def digests(
        self, wanted: Collection[tuple[Repository, str]]
    ) -> Mapping[tuple[Repository, str], str | FleetError | None]:
        """Return the digest that the registry says each tag has; None: there is no such tag."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...
