"""The git repository that holds the fleet. Readers apart from writers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from fleet.ports.tree import Tree


@dataclass(frozen=True, slots=True)
class Signature:
    """Who made a commit, and when."""

    name: str
    email: str
    time: datetime

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit with what history needs of it."""

    id: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str
    paths: tuple[str, ...] = ()
    """Paths that it changed against its first parent; only filled where the call says so."""


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One compare-and-swap of a ref. ``None`` means: the ref does not exist."""

    ref: str
    """Full name, like `refs/heads/main`."""
    expected: str | None
    new: str | None


class RepositoryReader(Protocol):
    """Reads objects and refs. Nothing here changes the work tree, the index or a branch."""

    @property
    def root(self) -> Path:
        """Top directory of the clone."""
        ...

    @property
    def identity(self) -> str:
        """Who commits here, as `name <email>`, from git's configuration."""
        ...

    @property
    def shallow(self) -> bool:
        """Whether history was cut off by `git clone --depth`."""
        ...

    def prefetch(self) -> None:
        """Begin to fetch in the background; the next :meth:`fetch` waits for that one and raises what it met."""
        ...

    def fetch(self) -> None:
        """Bring the remote's branches and fleet refs up to date; does nothing where there is no remote.

        Raises:
            UnreachableError: the remote cannot be reached.
        """
        ...

    def head_of(self, branch: str) -> str | None:
        """Return the commit of a branch *on the remote* as last fetched (of the local branch if there is no remote)."""
        ...

    def resolve(self, revision: str) -> str:
        """Return the full commit id of a revision expression.

        Raises:
            GitError: there is no such commit.
        """
        ...

    def tree(self, revision: str) -> Tree:
        """Return the files of a commit, read from the object store."""
        ...

    def work_tree(self) -> Tree:
        """Return the files on disk, whether committed or not."""
        ...

    def tree_id(self, revision: str, path: str) -> str | None:
        """Return the object id of a directory or file in a commit: equal ids, equal content. None: it is not there."""
        ...

    def last_change(self, revision: str, path: str) -> str | None:
        """Return the newest commit reachable from ``revision`` that changed ``path``."""
        ...

    def log(
        self,
        revision: str,
        *,
        paths: Sequence[str] = (),
        first_parent: bool = False,
        limit: int | None = None,
        with_paths: bool = False,
    ) -> Iterator[Commit]:
        """Yield commits reachable from ``revision``, newest first."""
        ...

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Say whether one commit is reachable from another (or is the same)."""
        ...

    def read_ref(self, ref: str) -> str | None:
        """Return the object id of a full ref *on the remote*, asked afresh; None: it does not exist."""
        ...

    def known_ref(self, ref: str) -> str | None:
        """Return the object id of a branch or fleet ref of the remote, by its full name there, as last fetched."""
        ...

    def list_refs(self, prefix: str) -> Mapping[str, str]:
        """Return the object ids of all refs *on the remote* below a prefix like `refs/fleet/`, asked afresh."""
        ...

    def has(self, commit: str) -> bool:
        """Say whether a commit is in this clone."""
        ...

    def read_file(self, revision: str, path: str) -> bytes:
        """Return the content of one file of a commit.

        Raises:
            GitError: there is no such commit or file.
        """
        ...

    def changed_paths(self, base: str, head: str) -> Sequence[str]:
        """Return the paths that ``head`` changed since it left ``base`` (their merge base); of a rename, both."""
        ...

    def diff(self, base: str, head: str, paths: Sequence[str] = ()) -> str:
        """Return, as a unified diff, what ``head`` changed since it left ``base`` (their merge base)."""
        ...

    def conflicts(self, ours: str, theirs: str) -> Sequence[str]:
        """Return the paths in which two commits cannot be merged; none if they can."""
        ...


class RepositoryWriter(RepositoryReader, Protocol):
    """Writes commits and moves refs on the remote, by compare-and-swap only."""

    def commit(
        self, parents: Sequence[str], files: Mapping[str, bytes | None], message: str, *, empty: bool = False
    ) -> str:
        """Write a commit with these files changed (None: removed) against the first parent; return its id.

        Moves no ref and touches neither index nor work tree. Deterministic identity and time are the caller's
        business through ``GIT_AUTHOR_DATE``. With ``empty``, the commit holds these files and no other.

        Raises:
            GitError: a path is not allowed, or git was not told who commits.
        """
        ...

    def merge(self, ours: str, theirs: str, message: str) -> str:
        """Write the merge commit of two commits; return its id. Moves no ref and checks nothing out.

        Raises:
            ConflictError: both changed the same lines; names the files.
        """
        ...

    def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move refs on the remote, all or none, each only if it still is where ``expected`` says.

        Without a remote, the local refs are moved. Idempotent: a ref that already is at ``new`` is fine.

        Raises:
            ConflictError: a ref is elsewhere by now.
            UnreachableError: the remote cannot be reached.
        """
        ...
