"""Runs the stock Pulumi command line: environment, time limit, and what it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fleet.adapters.pulumi.guard import Guard
from fleet.adapters.pulumi.state import StateDirectory
from fleet.errors import ToolError
from fleet.failpoints import failpoint

_GRACE = 5.0
"""Seconds between asking a run to stop and killing it."""
_CANCEL_POLL = 0.25
"""Seconds between looks at whether the lease was lost."""
_MEMORY_LIMIT = "1GiB"
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "USER")
_OURS = re.compile(r"^(PULUMI|VAULT|GOGC$|GOMEMLIMIT$)")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run of the command line ended."""

    status: int
    output: str
    timed_out: bool = False
    cancelled: bool = False


def settings(state: StateDirectory) -> dict[str, str]:
    """Return the variables that every run gets. What each is for stands in docs/concepts/engine.md."""
    return {
        "PULUMI_BACKEND_URL": state.url,
        "PULUMI_HOME": str(state.home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # A missing plugin is an error instead of a download; with it, runs also stop looking for newer plugins.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # One write of the state at the end. Safe since every object has a name of its own and a create takes over what
        # is there; what a killed run had made and the fleet no longer declares is found by its labels.
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_DIY_BACKEND_NO_LEGACY_WARNING": "true",
        # The process lives for a fifth of a second: collecting garbage costs more than it frees.
        "GOGC": "off",
        "GOMEMLIMIT": _MEMORY_LIMIT,
        "NO_COLOR": "1",
    }


def base_environment(environ: Mapping[str, str], *, everything: bool) -> dict[str, str]:
    """Return what a run inherits: the least, or (for provider plugins that run credential helpers) all but our own."""
    if everything:
        return {name: value for name, value in environ.items() if not _OURS.match(name)}
    return {name: environ[name] for name in _INHERITED if name in environ}


def run(
    binary: Path,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    timeout: float,
    guard: Guard,
    on_stop: Callable[[], None] = lambda: None,
    cancel: threading.Event | None = None,
) -> Finished:
    """Run the command line in a process group of its own and return what it said.

    After ``timeout`` seconds the group is asked to stop (the engine then writes what it did) and, later, killed. When
    ``cancel`` is set, it is killed at once. ``on_stop`` is called before either.

    Raises:
        ToolError: the binary cannot be started.
    """
    failpoint("engine.before-spawn")
    try:
        process = subprocess.Popen(
            [str(binary), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=directory,
            process_group=0,
            umask=0o077,
        )
    except OSError as error:
        raise ToolError(
            f"`{binary}` could not be started: {error.strerror}", hints=("run `fleet toolchain install pulumi`",)
        ) from error
    guard.watch(process.pid)
    failpoint("engine.after-spawn")
    try:
        ended = _wait(process, timeout, cancel)
        if ended is None:
            on_stop()
            lost = cancel is not None and cancel.is_set()
            output = _end(process, 0.0 if lost else _GRACE)
            return Finished(process.returncode, output, timed_out=not lost, cancelled=lost)
        return Finished(process.returncode, ended)
    except BaseException:  # interrupted: leave nothing behind
        on_stop()
        _end(process, 0.0)
        raise
    finally:
        guard.release(process.pid)


def _wait(process: subprocess.Popen[bytes], timeout: float, cancel: threading.Event | None) -> str | None:
    """Return what a process said, or None if it is to be stopped."""
    end = time.monotonic() + timeout
    while True:
        remaining = end - time.monotonic()
        if remaining <= 0 or (cancel is not None and cancel.is_set()):
            return None
        try:
            output, _ = process.communicate(timeout=remaining if cancel is None else min(remaining, _CANCEL_POLL))
        except subprocess.TimeoutExpired:
            continue
        return output.decode(errors="replace")


def _end(process: subprocess.Popen[bytes], grace: float) -> str:
    """Ask a process group to stop, kill it after ``grace`` seconds, and return what it said."""
    if grace:
        _signal(process, signal.SIGINT)
        try:
            return process.communicate(timeout=grace)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            pass
    _signal(process, signal.SIGKILL)
    return process.communicate()[0].decode(errors="replace")


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
