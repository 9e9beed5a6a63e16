"""A read-only tree of files: a commit out of git's object store, or a work tree on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class EntryKind(StrEnum):
    """Kind of a tree entry. Only files are ever read."""

    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry. ``path`` is relative to the tree, with `/`, and never holds `..`."""

    path: str
    kind: EntryKind
    size: int
    """Bytes."""
    oid: str = ""
    """Object id of the content; empty for a work tree."""


class Tree(Protocol):
    """Files of one revision."""

    @property
    def revision(self) -> str | None:
        """Commit id; none for a work tree."""
        ...

    @property
    def origin(self) -> str:
        """What this tree is, for people: `origin/main at 4f1c2e0`, or a directory."""
        ...

    def entries(self, prefix: str = "") -> Sequence[TreeEntry]:
        """Return every entry below a directory, recursively, sorted by path. Links are listed, never followed.

        A prefix that names a file, a link or a submodule gives that one entry; one that is not there gives none.
        """
        ...

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FleetError: there is no such file, or it is not a plain file inside the tree.
        """
        ...

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of many files."""
        ...
