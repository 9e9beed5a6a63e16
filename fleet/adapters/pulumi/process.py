"""Runs the stock Pulumi command line: environment, time limit, and what it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
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
_MEMORY_LIMIT = "1GiB"
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "USER")
_OURS = re.compile(r"^(PULUMI|VAULT|GOGC$|GOMEMLIMIT$)")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run of the command line ended."""

    status: int
    output: str
    timed_out: bool = False


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
        "PULUMI_CONFIG_PASSPHRASE": "",
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
    on_timeout: Callable[[], None],
) -> Finished:
    """Run the command line in a process group of its own and return what it said.

    After ``timeout`` seconds the group is asked to stop (the engine then writes what it did) and, later, killed.

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
    timed_out = False
    try:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            on_timeout()
            _signal(process, signal.SIGINT)
            try:
                output, _ = process.communicate(timeout=_GRACE)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                output, _ = process.communicate()
    except BaseException:  # interrupted: leave nothing behind
        _signal(process, signal.SIGKILL)
        process.wait()
        raise
    finally:
        guard.release(process.pid)
    return Finished(process.returncode, output.decode(errors="replace"), timed_out)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
