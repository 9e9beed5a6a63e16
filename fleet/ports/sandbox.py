"""Local throw-away clusters and a git host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fleet.model.sandbox import Check, Leftovers, Sandbox


class DemoFleet(Protocol):
    """Writes the demo fleet."""

    def write(self, directory: Path) -> None:
        """Write the files of the demo fleet into a directory.

        The directory is an empty git work tree on branch `main` with an identity set. Files that are left uncommitted
        are committed by the caller.
        """
        ...


class SandboxReader(Protocol):
    """Looks at the sandbox."""

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig; its contexts have the names of the clusters."""
        ...

    def status(self) -> Sandbox:
        """Return the sandbox as it is; without clusters if there is none."""
        ...

    def preflight(self, clusters: Sequence[str]) -> Sequence[Check]:
        """Check what is needed to start those clusters that do not run yet."""
        ...

    def leftovers(self) -> Leftovers:
        """Return what :meth:`SandboxHost.down` would remove."""
        ...


class SandboxHost(SandboxReader, Protocol):
    """Starts and stops the sandbox."""

    def up(self, clusters: Sequence[str] = (), *, demo: DemoFleet | None = None, nodes: int = 3) -> Sandbox:
        """Start clusters that are not there, repair those that are, and seed the git host.

        Args:
            clusters: names; if empty, those that are there, or else the default ones. None is ever removed.
            demo: the demo fleet; without it there is no git host.
            nodes: fake nodes per cluster.

        Raises:
            SandboxError: a cluster did not become ready.
            ToolError: a program is missing.
        """
        ...

    def down(self) -> Leftovers:
        """Stop every process and remove every file of the sandbox; nothing to do is no error.

        Raises:
            SandboxError: a process does not end.
        """
        ...
