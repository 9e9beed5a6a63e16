"""Runs a command and tells what it cost, its children included."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system, children included), wall seconds, and peak memory of the largest process."""

    cpu: float
    wall: float
    rss: float
    """MiB."""

    def per(self, units: int) -> Cost:
        """Return the cost of one unit; memory is not divided."""
        return Cost(self.cpu / units, self.wall / units, self.rss)

    def beyond(self, other: Cost) -> Cost:
        """Return what this one cost more."""
        return Cost(self.cpu - other.cpu, self.wall - other.wall, self.rss)


class StepFailedError(Exception):
    """A measured command failed; its output says why."""


def cost_of(
    command: Sequence[str], *, directory: Path, environment: Mapping[str, str], expect: Sequence[int] = (0,)
) -> Cost:
    """Run a command to its end and return its cost.

    Raises:
        StepFailedError: it ended with a status that was not expected.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        list(command),
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expect:
        raise StepFailedError(f"`{' '.join(command)}` ended with {process.returncode}\n{output}")
    return Cost(_cpu(usage), time.monotonic() - started, usage.ru_maxrss / 1024)


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def fleet(*arguments: str) -> list[str]:
    """Return the command line of this fleet."""
    return [sys.executable, "-m", "fleet", *arguments]


def median(costs: Sequence[Cost]) -> Cost:
    """Return the run with the median wall time."""
    return sorted(costs, key=lambda cost: cost.wall)[len(costs) // 2]
