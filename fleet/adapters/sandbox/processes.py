"""Processes of the sandbox: found by what they run, never by a remembered number alone.

On Linux from `/proc`, elsewhere from `ps`.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from select import POLLIN, poll

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "cmdline").exists()
Belongs = Callable[[Sequence[str]], bool]
"""Says of a command line whether its process is one of ours."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running process. Memory is its resident set, in bytes."""

    pid: int
    command: tuple[str, ...]
    memory: int


def running(belongs: Belongs) -> list[Process]:
    """Return our running processes; zombies do not count."""
    found = _from_proc(belongs) if _HAS_PROC else _from_ps(belongs)
    return [process for process in found if process.pid != os.getpid()]


def is_running(pid: int, belongs: Belongs) -> bool:
    """Say whether a process runs and is one of ours; its number may have passed to another one."""
    if pid <= 0:
        return False
    if _HAS_PROC:
        command = _command(pid)
        return bool(command) and belongs(command)
    return any(process.pid == pid for process in _from_ps(belongs))


_EXEC_SECONDS = 0.2


def kill_all(belongs: Belongs, seconds: float) -> int:
    """Kill our processes, also those that start while we do so; return how many there were.

    Raises:
        TimeoutError: some are still there after those seconds.
    """
    deadline = time.monotonic() + seconds
    killed: set[int] = set()
    while True:
        processes = running(belongs)
        if not processes and killed:
            # One of them may have forked right before it ended, and while a process executes its new program it has
            # no command line to know it by. So, look twice.
            time.sleep(_EXEC_SECONDS)
            processes = running(belongs)
        if not processes:
            return len(killed)
        if time.monotonic() > deadline:
            raise TimeoutError(", ".join(f"{p.pid} ({Path(p.command[0]).name})" for p in processes))
        for process in processes:
            _kill(process.pid, belongs)
            killed.add(process.pid)


def _kill(pid: int, belongs: Belongs) -> None:
    """Kill a process and wait until it has ended.

    The number may have passed to another process meanwhile. A descriptor of the process cannot, so the command line
    is checked once more through the time that we hold one.
    """
    if not _HAS_PROC:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)  # there is nothing to wait on
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        command = _command(pid)
        if command and belongs(command):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            waiting = poll()
            waiting.register(handle, POLLIN)
            waiting.poll(5000)
    finally:
        os.close(handle)


def _from_proc(belongs: Belongs) -> list[Process]:
    user = os.getuid()
    found = []
    for entry in os.scandir(_PROC):
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # it ended while we looked
            if entry.stat().st_uid != user:
                continue
            pid = int(entry.name)
            command = _command(pid)
            if command and belongs(command):
                found.append(Process(pid, tuple(command), _resident(pid)))
    return found


def _command(pid: int) -> list[str]:
    try:
        data = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return data.decode(errors="surrogateescape").rstrip("\0").split("\0") if data else []


def _resident(pid: int) -> int:
    # https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html: the second number counts resident pages
    pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _from_ps(belongs: Belongs) -> list[Process]:
    answer = subprocess.run(
        ["ps", "-x", "-o", "pid=,rss=,command="], capture_output=True, text=True, errors="replace", check=False
    )
    found = []
    for line in answer.stdout.splitlines():
        words = line.split(None, 2)
        if len(words) < 3:
            continue
        with suppress(ValueError):
            command = shlex.split(words[2])
            if command and belongs(command):
                found.append(Process(int(words[0]), tuple(command), int(words[1]) * 1024))
    return found
