"""Writes a new fleet and makes its first commits, by the git command line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from fleet.errors import GitError
from fleet.files import write_atomically
from fleet.git_command import run_git
from fleet.ports.scaffold import FleetTemplate

BRANCH = "main"
IGNORE = ".gitignore"
_SECONDS = 60.0
_NOBODY = ("-c", "user.name=fleet", "-c", "user.email=fleet@localhost")
_LOCATING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""Variables that would send git to another repository than the one that is meant (set inside of hooks)."""


class GitScaffold:
    """Implements :class:`fleet.ports.scaffold.Scaffold`."""

    def existing(self, directory: Path) -> Sequence[str]:
        """Return the names in a directory, without `.git`; none if it is not there."""
        if not directory.is_dir():
            return ()
        return sorted(path.name for path in directory.iterdir() if path.name != ".git")

    def branch(self, directory: Path) -> str | None:
        """Return the branch that is checked out in a directory that is a repository already."""
        if not (directory / ".git").exists():
            return None
        return self._git(directory, "symbolic-ref", "--short", "HEAD")

    def conflicts(self, directory: Path, template: FleetTemplate) -> Sequence[str]:
        """Return the paths that are there already with another content."""
        wanted = {**template.files, **{path: None for path in template.pins}}
        found = []
        for path, content in sorted(wanted.items()):
            there = directory / path
            other = there.is_symlink() or (there.exists() and not there.is_file())
            if other or (path != IGNORE and there.exists() and there.read_bytes() != content):
                found.append(path)
        return found

    def write(self, directory: Path, template: FleetTemplate) -> tuple[str, str]:
        """Write and commit a template; make the repository if there is none. Return the two commits.

        Raises:
            GitError: git refused, or is not there.
        """
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / ".git").exists():
            self._git(directory, "init", "--quiet", f"--initial-branch={BRANCH}")
        for path, content in template.files.items():
            write_atomically(directory / path, _merged(directory / path, content))
        first = self._commit(directory, template.files, "Declare the fleet: apps, clusters and environments")
        for path, text in template.pins.items():
            write_atomically(directory / path, text.replace("{revision}", first))
        second = self._commit(directory, template.pins, "Release the first version everywhere")
        return first, second

    def _commit(self, directory: Path, paths: Iterable[str], message: str) -> str:
        """Commit these paths and nothing else; return the commit. Nothing to commit gives the present one."""
        names = sorted(paths)
        self._git(directory, "add", "--force", "--", *names)
        if self._git(directory, "status", "--porcelain", "--", *names):
            identity = () if self._has_identity(directory) else _NOBODY
            options = ("-c", "commit.gpgSign=false", *identity)
            self._git(directory, *options, "commit", "--quiet", "--no-verify", "--message", message, "--", *names)
        return self._git(directory, "rev-parse", "--verify", "HEAD")

    def _has_identity(self, directory: Path) -> bool:
        configured = {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"}
        if configured <= set(os.environ):
            return True
        return all(self._ask(directory, "config", "--get", f"user.{key}").returncode == 0 for key in ("name", "email"))

    def _git(self, directory: Path, *arguments: str) -> str:
        answer = self._ask(directory, *arguments)
        if answer.returncode:
            reason = (answer.stderr.strip() or answer.stdout.strip())[-300:]
            command = next((a for a in arguments if not a.startswith("-") and "=" not in a), "")
            raise GitError(f"`git {command}` failed: {reason}")
        return answer.stdout.strip()

    def _ask(self, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key not in _LOCATING}
        return run_git(directory, *arguments, environment=environment | {"LC_ALL": "C"}, seconds=_SECONDS)


def _merged(path: Path, content: bytes) -> bytes:
    """Return what to write: the lines that are missing in a `.gitignore` that is there are added to it."""
    if path.name != IGNORE or not path.exists():
        return content
    there = path.read_bytes()
    if set(content.split(b"\n")) <= {*there.split(b"\n"), b""}:
        return there
    return there + (b"" if there.endswith(b"\n") or not there else b"\n") + content
