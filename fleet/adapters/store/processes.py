"""Which process holds a lease, and whether it is still alive.

A lease ends by time, but a holder that was killed on this very machine need not be waited for.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def boot() -> str:
    """Return a name of the present boot of this machine: monotonic times of different boots cannot be compared."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def me() -> str:
    """Return a name of this process, never given to another one: pid, its start time, and the pid namespace."""
    return f"{os.getpid()} {_started(os.getpid())} {_namespace()}"


def dead(process: str) -> bool:
    """Say whether a process, named by :func:`me`, is known to be gone; in doubt it is not."""
    parts = process.split(" ")
    if len(parts) != 3 or not parts[0].isdecimal():
        return False
    pid, started, namespace = int(parts[0]), parts[1], parts[2]
    if not namespace or namespace != _namespace():
        return False  # of another container: our process numbers say nothing about it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # alive, of another user
    return bool(started) and _started(pid) not in ("", started)


def _started(pid: int) -> str:
    """Return the start time of a process, field 22 of proc_pid_stat(5); empty if it is not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "gone" if fields[0] in ("Z", "X") else fields[19]


@cache
def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
