"""The git host of the sandbox: a bare repository, and a work clone with the demo fleet."""

from __future__ import annotations

import shutil
from pathlib import Path

from fleet.adapters.sandbox.layout import Layout
from fleet.errors import GitError, SandboxError
from fleet.git_command import run_git
from fleet.ports.sandbox import DemoFleet

BRANCH = "main"
_SECONDS = 120.0


class Origin:
    """Makes and looks at the repositories. git sees nothing of the user's configuration here."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def exists(self) -> bool:
        """Whether both repositories are there and whole."""
        return (self._layout.origin / "HEAD").is_file() and (self._layout.fleet / ".git").exists()

    def seed(self, demo: DemoFleet) -> bool:
        """Make what is missing; return whether anything was. Each repository appears whole or not at all.

        Raises:
            SandboxError: git is missing, or failed.
        """
        if self.exists:
            return False
        layout = self._layout
        clone = layout.fleet.with_name("fleet.part")
        shutil.rmtree(clone, ignore_errors=True)
        if not layout.origin.exists():
            bare = layout.origin.with_name("origin.git.part")
            shutil.rmtree(bare, ignore_errors=True)
            self._git(layout.root, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(bare))
            self._new_clone(clone, demo)
            self._git(clone, "push", "--quiet", str(bare), f"{BRANCH}:{BRANCH}")
            bare.replace(layout.origin)
            shutil.rmtree(clone)
        if not layout.fleet.exists():
            self._git(layout.root, "clone", "--quiet", str(layout.origin), str(clone))
            self._identity(clone)
            clone.replace(layout.fleet)
        return True

    def unsaved(self) -> list[str]:
        """Return the files of the work clone that were changed and not committed."""
        if not (self._layout.fleet / ".git").exists():
            return []
        listing = self._git(self._layout.fleet, "status", "--porcelain", "--untracked-files=all")
        return [line[3:] for line in listing.splitlines() if len(line) > 3]

    def _new_clone(self, directory: Path, demo: DemoFleet) -> None:
        self._git(self._layout.root, "init", "--quiet", f"--initial-branch={BRANCH}", str(directory))
        self._identity(directory)
        demo.write(directory)
        self._git(directory, "add", "--all")
        if self._git(directory, "status", "--porcelain"):
            self._git(directory, "commit", "--quiet", "--message", "Start the demo fleet")

    def _identity(self, directory: Path) -> None:
        self._git(directory, "config", "user.name", "Fleet Sandbox")
        self._git(directory, "config", "user.email", "sandbox@fleet.invalid")

    def _git(self, directory: Path, *arguments: str) -> str:
        environment = self._layout.environment(self._layout.kubeconfig) | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        try:
            answer = run_git(directory, *arguments, environment=environment, seconds=_SECONDS)
        except GitError as error:
            raise SandboxError(error.message, code="FLT-SBX-003", hints=error.hints) from error
        if answer.returncode:
            raise SandboxError(
                f"`git {arguments[0]}` failed in the sandbox: {answer.stderr.strip()[-300:]}", code="FLT-SBX-003"
            )
        return answer.stdout
