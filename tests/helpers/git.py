"""Real git repositories in temporary directories: a bare origin, and clones of it with an identity each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

IDENTITY_VARIABLES = tuple(f"GIT_{role}_{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL"))


def git(directory: Path, *arguments: str, feed: str | None = None) -> str:
    """Run git and return what it printed."""
    done = subprocess.run(
        ["git", *arguments], cwd=directory, input=feed, capture_output=True, text=True, check=False, env=_environment()
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.rstrip("\n")


def write_files(directory: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a directory."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def identify(directory: Path, name: str) -> str:
    """Give a repository an identity; return it as git writes it."""
    email = f"{name.lower()}@example.com"
    git(directory, "config", "user.name", name)
    git(directory, "config", "user.email", email)
    return f"{name} <{email}>"


def make_repository(directory: Path, files: Mapping[str, str | bytes] | None = None, *, name: str = "Ada") -> Path:
    """Make a repository with one commit on `main`, and no remote."""
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "--quiet", "--initial-branch=main")
    identify(directory, name)
    write_files(directory, files or {"README.md": "# A fleet\n"})
    commit_all(directory, "start")
    return directory


def make_origin(directory: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    """Make a bare repository whose `main` holds these files."""
    seed = make_repository(directory.parent / f"{directory.name}-seed", files)
    git(directory.parent, "clone", "--quiet", "--bare", str(seed), str(directory))
    return directory


def clone(origin: Path, directory: Path, *, name: str = "Ada") -> Path:
    """Clone a repository, with an identity."""
    git(origin.parent, "clone", "--quiet", str(origin), str(directory))
    identify(directory, name)
    return directory


def commit_all(directory: Path, message: str = "change") -> str:
    """Commit everything in the work tree; return the commit."""
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(directory, "rev-parse", "HEAD")


def push_file(directory: Path, branch: str, path: str, content: str, message: str = "change") -> str:
    """Put a commit with one changed file on a branch of the origin, from `origin/main`; return the commit."""
    git(directory, "fetch", "--quiet", "--prune", "origin")
    git(directory, "checkout", "--quiet", "-B", f"work/{branch}", "origin/main")
    write_files(directory, {path: content})
    commit = commit_all(directory, message)
    git(directory, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
    git(directory, "checkout", "--quiet", "main")
    git(directory, "branch", "--quiet", "-D", f"work/{branch}")
    return commit


def remote_refs(origin: Path) -> dict[str, str]:
    """Return every ref of a repository."""
    lines = git(origin, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


def _environment() -> dict[str, str]:
    """Return the environment without an identity, so that the one of the repository counts."""
    return {n: v for n, v in os.environ.items() if n not in IDENTITY_VARIABLES and n != "FLEET_FAILPOINT"}
