"""The jailed processes as their parent sees them: started when first needed, fed one request at a time.

One thread drives all of them. That is simple, and it matters: the kernel ends a jailed process together with the thread
that started it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fleet.adapters.render import codes, frames
from fleet.errors import RenderError

START_SECONDS = 120.0
"""How long a process may take to load its libraries; long, since a busy machine is no reason to fail."""
_HEADER = 4
_CHUNK = 1 << 18

TEMPLATES, PROGRAM = "templates", "program"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer."""

    code: str
    message: str


@dataclass(slots=True)
class Job:
    """One request. ``result`` is the answer, or a failure."""

    kind: str
    """`templates` or `program`: which process can answer it."""
    request: dict[str, Any]
    cpu: float
    """Seconds of processor time that the request may take."""
    wall: float
    """Seconds on the clock that it may take."""
    result: dict[str, Any] | Failure | None = None
    tries: int = 0


@dataclass(slots=True)
class _Process:
    """One running jailed process."""

    kind: str
    popen: subprocess.Popen[bytes]
    ready: bool = False
    layers: tuple[str, ...] = ()
    job: Job | None = None
    deadline: float = 0.0
    buffer: bytearray = field(default_factory=bytearray)

    def kill(self) -> None:
        """End the process and what it forked."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


class Jail:
    """A few jailed processes. Not for several threads at once."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._processes: list[_Process] = []
        self._selector = selectors.DefaultSelector()

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """What confines the processes that run at present, by their kind."""
        return {process.kind: process.layers for process in self._processes if process.ready}

    def prepare(self, kind: str) -> None:
        """Start a process now, so that it loads its libraries while its first job is still being made."""
        if not self._processes:
            self._start(kind)

    def run(self, jobs: Sequence[Job]) -> None:
        """Carry out jobs, several at a time; each one has its result afterwards."""
        self._drop_dead()
        waiting = deque(jobs)
        try:
            while waiting or any(process.job for process in self._processes):
                self._assign(waiting)
                self._serve(waiting)
        except BaseException:
            # The answer to a request that is under way would be taken for that of the next one.
            self.close()
            raise

    def close(self) -> None:
        """End all processes."""
        for process in list(self._processes):
            self._end(process)
        self._selector.close()
        self._selector = selectors.DefaultSelector()

    def _drop_dead(self) -> None:
        for process in list(self._processes):
            if process.popen.poll() is not None:
                self._end(process)

    def _assign(self, waiting: deque[Job]) -> None:
        """Give waiting jobs to free processes; start some where there are fewer than allowed."""
        for _ in range(len(waiting)):
            job = waiting.popleft()
            process = self._free(job.kind)
            if process is None:
                waiting.append(job)
            else:
                self._send(process, job, waiting)

    def _free(self, kind: str) -> _Process | None:
        for process in self._processes:
            if process.kind == kind and process.job is None:
                return process
        return self._start(kind) if sum(p.kind == kind for p in self._processes) < self._workers else None

    def _start(self, kind: str) -> _Process:
        arguments = [sys.executable, "-P", "-s", "-B", "-X", "utf8", "-m", "fleet.adapters.render.worker"]
        try:
            popen = subprocess.Popen(
                [*arguments, kind, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A fixed seed: sets of texts have one order on every machine.
                env={"PYTHONHASHSEED": "0"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise RenderError(f"cannot start the process that renders: {error.strerror}") from error
        process = _Process(kind, popen)
        self._processes.append(process)
        self._selector.register(_descriptor(popen.stdout), selectors.EVENT_READ, process)
        return process

    def _send(self, process: _Process, job: Job, waiting: deque[Job]) -> None:
        process.job = job
        process.deadline = time.monotonic() + (job.wall if process.ready else START_SECONDS)
        stream = process.popen.stdin
        assert stream is not None  # noqa: S101  # it was asked for
        try:
            stream.write(frames.encode({**job.request, "cpu": job.cpu}))
            stream.flush()
        except OSError:
            self._lost(process, waiting)

    def _serve(self, waiting: deque[Job]) -> None:
        """Wait for one process to say something, or for the next deadline."""
        busy = [process for process in self._processes if process.job]
        if not busy:
            return
        pause = max(0.0, min(process.deadline for process in busy) - time.monotonic())
        for key, _ in self._selector.select(pause):
            self._read(key.data, waiting)
        now = time.monotonic()
        for process in list(self._processes):
            if process.job is not None and now >= process.deadline:
                job = process.job
                text = f"rendering takes more than {job.wall:g} seconds"
                if not process.ready:
                    text = f"the process that renders did not start within {START_SECONDS:g} seconds"
                job.result = Failure(codes.WALL_TIME, text)
                self._end(process)

    def _read(self, process: _Process, waiting: deque[Job]) -> None:
        data = os.read(_descriptor(process.popen.stdout), _CHUNK)
        if not data:
            self._lost(process, waiting)
            return
        process.buffer += data
        while len(process.buffer) >= _HEADER:
            size = frames.length(bytes(process.buffer[:_HEADER]))
            if len(process.buffer) < _HEADER + size:
                return
            message = frames.decode(bytes(process.buffer[_HEADER : _HEADER + size]))
            del process.buffer[: _HEADER + size]
            self._take(process, message)

    def _take(self, process: _Process, message: dict[str, Any]) -> None:
        if not process.ready:
            process.ready = True
            process.layers = tuple(message.get("ready", ()))
            if process.job is not None:
                process.deadline = time.monotonic() + process.job.wall
            return
        if process.job is not None:
            process.job.result = message
            process.job = None
        if message.get("tainted"):
            self._end(process)

    def _lost(self, process: _Process, waiting: deque[Job]) -> None:
        """Judge a process that ended by itself while it had a job."""
        self._end(process)
        job, code = process.job, process.popen.returncode
        if job is None:
            return
        job.tries += 1
        if not process.ready:
            raise RenderError(
                "the process that renders does not start",
                hints=(f"see why with `{sys.executable} -P -s -m fleet.adapters.render.worker {process.kind} $$`",),
            )
        if code == -signal.SIGXCPU:
            job.result = Failure(codes.CPU_TIME, f"rendering takes more than {job.cpu:g} seconds of processor time")
        elif code == -signal.SIGKILL and job.tries == 1:
            waiting.append(job)  # killed from outside: the machine was short of memory, or our starting thread ended
        else:
            job.result = Failure(codes.CRASHED, "the process that renders crashed")

    def _end(self, process: _Process) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(_descriptor(process.popen.stdout))
        process.kill()
        if process in self._processes:
            self._processes.remove(process)


def _descriptor(stream: Any) -> int:
    return int(stream.fileno())
