"""A small process that outlives fleet by a moment: it kills the engine's processes when fleet is killed.

Without it, a `pulumi up` whose fleet process was killed with SIGKILL would go on for as long as it takes to notice
that its provider is gone, and could write state while the next run already works on the stack. (Linux could do that
with PR_SET_PDEATHSIG, but only from code that runs in the child between fork and exec, which is not safe in a process
with threads; and other systems have nothing like it.)

The guard reads `+GROUP` and `-GROUP` lines, one for each process group that starts and ends. Its input ends when fleet
is gone, however that happened.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

_SCRIPT = Path(__file__).with_name("guard_process.py")


class Guard:
    """Holds the guard process, started with the first process group to watch."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        """Kill this process group when this process ends."""
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """The process group ended by itself."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the guard; groups that it still watches are killed."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()
                self._process.wait()
                self._process = None

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_SCRIPT)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for fleet; the guard must see what fleet does about it
                    cwd="/",
                    env={},
                )
            stream = self._process.stdin
            if stream is not None:
                with suppress(OSError):  # somebody killed the guard: no reason to fail
                    stream.write(line.encode())
                    stream.flush()
