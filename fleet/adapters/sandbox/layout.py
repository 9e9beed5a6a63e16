"""Where the sandbox keeps its things: everything is below one directory, nothing is anywhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

KWOK_PREFIX = "fleet-sandbox-"
"""Begins the name of every cluster in kwokctl's eyes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one sandbox. The root is absolute and has no symbolic links in it."""

    root: Path

    @property
    def marker(self) -> Path:
        """Says that the directory is a sandbox of fleet, which may be emptied."""
        return self.root / "sandbox.json"

    @property
    def lock(self) -> Path:
        """Held by whoever changes the sandbox."""
        return self.root / "lock"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of all clusters."""
        return self.root / "kubeconfig"

    @property
    def clusters(self) -> Path:
        """A directory per cluster, with what we know about it."""
        return self.root / "clusters"

    @property
    def kwok(self) -> Path:
        """The work directory of kwokctl."""
        return self.root / "kwok"

    @property
    def home(self) -> Path:
        """HOME of every child process."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """TMPDIR of every child process."""
        return self.root / "tmp"

    @property
    def origin(self) -> Path:
        """The bare git repository."""
        return self.root / "origin.git"

    @property
    def fleet(self) -> Path:
        """The work clone of it."""
        return self.root / "fleet"

    def ours(self) -> tuple[Path, ...]:
        """Return all that `up` may make, in the order in which `down` removes it; the lock goes last."""
        return (
            self.kubeconfig,
            self.kwok,
            self.home,
            self.temporary,
            self.origin,
            self.origin.with_name("origin.git.part"),
            self.fleet,
            self.fleet.with_name("fleet.part"),
            self.clusters,
            self.marker,
        )

    def environment(self, kubeconfig: Path) -> dict[str, str]:
        """Return the environment of child processes: nothing of the user's configuration, no proxies."""
        kept: Mapping[str, str] = os.environ
        return {
            **{name: kept[name] for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if name in kept},
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "KWOK_WORKDIR": str(self.kwok),
            "KUBECONFIG": str(kubeconfig),
        }

    def belongs(self, command: Sequence[str]) -> bool:
        """Say of a command line whether it is a process of this sandbox: a component, or a `kwokctl` at work."""
        if command[0].startswith(f"{self.kwok}/"):
            return True
        configs = [after for flag, after in pairwise(command) if flag == "--config"]
        return any(config.startswith(f"{self.clusters}/") for config in configs)
