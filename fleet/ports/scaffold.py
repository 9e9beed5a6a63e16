"""Writes a new fleet into a directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FleetTemplate:
    """Files of a new fleet, by path. They are committed in two steps, for a pin names a commit of its app."""

    files: Mapping[str, bytes]
    """Everything but the pins."""
    pins: Mapping[str, str]
    """Pins; ``{revision}`` stands for the commit of the files."""

    def paths(self) -> tuple[str, ...]:
        """Return every path, sorted."""
        return tuple(sorted([*self.files, *self.pins]))


class Templates(Protocol):
    """The fleets that a new one can start from."""

    def names(self) -> Sequence[str]:
        """Return the names of the templates."""
        ...

    def template(
        self,
        template: str,
        *,
        name: str | None = None,
        branch: str | None = None,
        contexts: Mapping[str, str] | None = None,
    ) -> FleetTemplate:
        """Return a template.

        Args:
            template: one of :meth:`names`.
            name: name of the fleet, instead of the template's.
            branch: the protected branch, if it is not `main`.
            contexts: kubeconfig context of each cluster that is not one of the sandbox.

        Raises:
            UsageError: the template has no such cluster, or there is no such template.
        """
        ...


class Scaffold(Protocol):
    """Writes files and makes the first commits, in a directory that may not be a repository yet."""

    def existing(self, directory: Path) -> Sequence[str]:
        """Return the names in a directory, without `.git`; none if it is not there."""
        ...

    def branch(self, directory: Path) -> str | None:
        """Return the branch that is checked out in a directory that is a repository already."""
        ...

    def conflicts(self, directory: Path, template: FleetTemplate) -> Sequence[str]:
        """Return the paths of the template that are there already with another content.

        A `.gitignore` is none: the line that is missing is added to it.
        """
        ...

    def write(self, directory: Path, template: FleetTemplate) -> tuple[str, str]:
        """Write and commit a template; make the repository if there is none. Return the two commits.

        Only files of the template are committed. Files are written temp + rename.

        Raises:
            GitError: git refused, or is not there.
        """
        ...
