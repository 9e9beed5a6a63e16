"""What must be there before clusters are started."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from fleet.errors import FleetError
from fleet.model.sandbox import Check

PROGRAMS = ("kwokctl", "kwok", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
MEMORY_PER_CLUSTER = 550_000_000
"""Bytes. An idle cluster has about 560 MB resident, of which some is shared between clusters (the programs)."""


def check_programs(program: Callable[[str], Path]) -> Check:
    """Check that every program is there."""
    missing = []
    hints: list[str] = []
    for name in PROGRAMS:
        try:
            program(name)
        except FleetError as error:
            missing.append(name)
            hints.extend(error.hints)
    if not missing:
        return Check(name="programs", ok=True, text="all programs are installed")
    hint = hints[0] if hints else "fleet toolchain install"
    return Check(name="programs", ok=False, text=f"not installed: {', '.join(missing)}", hint=hint)


def check_git() -> Check:
    """Check that git is there."""
    if shutil.which("git"):
        return Check(name="git", ok=True, text="git is installed")
    return Check(name="git", ok=False, text="git is not on PATH", hint="install git 2.28 or newer")


def check_memory(new: Sequence[str]) -> Check:
    """Check that there is memory for clusters that do not run yet."""
    needed = len(new) * MEMORY_PER_CLUSTER
    available = _available()
    if available is None:
        return Check(name="memory", ok=True, text="free memory is unknown")
    text = f"{_gigabytes(available)} free, {_gigabytes(needed)} needed"
    if available >= needed:
        return Check(name="memory", ok=True, text=text)
    possible = available // MEMORY_PER_CLUSTER
    hint = f"fleet sandbox up --clusters {possible}" if possible else "close some programs"
    return Check(name="memory", ok=False, text=text, hint=hint)


def _available() -> int | None:
    """Return free memory in bytes: of the machine, or of the container that we are in if that is less."""
    free: list[int] = []
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free.extend(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    with suppress(OSError, ValueError):  # cgroup v2; "max" is no number
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free.append(max(0, limit - int((group / "memory.current").read_text())))
    return min(free, default=None)


def _gigabytes(amount: int) -> str:
    return f"{amount / 1e9:.1f} GB"
