"""Finds the repository that a directory belongs to, and tells how it is laid out. Starts no process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleet.adapters.git.process import no_repository
from fleet.errors import GitError


@dataclass(frozen=True, slots=True)
class Layout:
    """Directories of a repository."""

    git: Path
    """Of this work tree: `.git`, or `.git/worktrees/<name>` of the main one."""
    common: Path
    """Of the repository: objects and refs."""

    @property
    def shallow(self) -> bool:
        """Whether history was cut off by `git clone --depth`."""
        return (self.common / "shallow").is_file()


def find_root(start: Path) -> Path:
    """Return the top directory of the repository that ``start`` lies in.

    Raises:
        GitError: there is none, or it is bare.
    """
    start = start.expanduser().resolve()
    if not start.exists():
        raise GitError(f"`{start}` does not exist", code="FLT-GIT-014")
    for directory in (start, *start.parents):
        if (directory / ".git").exists():
            return directory
        if is_bare(directory):
            raise GitError(
                f"`{directory}` is a bare repository; fleet works in a clone of it",
                code="FLT-GIT-015",
                hints=(f"git clone {directory} fleet",),
            )
    raise no_repository(start)


def is_bare(directory: Path) -> bool:
    """Say whether a directory is a bare repository."""
    return (directory / "HEAD").is_file() and (directory / "objects").is_dir() and (directory / "refs").is_dir()


def layout(root: Path) -> Layout:
    """Return where the repository of a work tree (or a bare repository) keeps its things.

    A linked work tree has a file `.git` that names its directory, and that one a file `commondir`:
    https://git-scm.com/docs/gitrepository-layout

    Raises:
        GitError: there is no repository.
    """
    git = root / ".git"
    if git.is_file():
        content = git.read_text(errors="replace").strip()
        if not content.startswith("gitdir:"):
            raise no_repository(root)
        git = (root / content.removeprefix("gitdir:").strip()).resolve()
    elif not git.is_dir():
        if not is_bare(root):
            raise no_repository(root)
        git = root
    shared = git / "commondir"
    common = (git / shared.read_text().strip()).resolve() if shared.is_file() else git
    return Layout(git, common)
