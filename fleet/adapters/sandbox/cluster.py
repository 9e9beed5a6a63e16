"""One sandbox cluster: a real control plane as local processes, started by `kwokctl` (binary runtime)."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fleet.adapters.sandbox.layout import KWOK_PREFIX, Layout
from fleet.adapters.sandbox.probe import Answer, Probe
from fleet.adapters.sandbox.processes import is_running, kill_all
from fleet.errors import SandboxError
from fleet.files import write_atomically

PORTS = (
    "kubeApiserverPort",
    "etcdPort",
    "etcdPeerPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
"""Every port that a cluster listens on, as `KwokctlConfiguration` calls it. kwokctl's own choice is racy."""

BINARIES = {
    "etcdBinary": "etcd",
    "kubeApiserverBinary": "kube-apiserver",
    "kubeControllerManagerBinary": "kube-controller-manager",
    "kubeSchedulerBinary": "kube-scheduler",
    "kwokControllerBinary": "kwok",
}
"""Option of `KwokctlConfiguration` → program."""

_LINKS = {"kwok-controller": "kwok"}
_ATTEMPTS = 3
_REPAIRS = 2
_IMPATIENT = frozenset({"kube-controller-manager", "kube-scheduler", "kwok-controller"})
"""Processes that give up when the API server needs more than some ten seconds, as it does on a busy machine.

They are started again beside it, as a supervisor would; making the whole cluster anew would take as long again.
"""
_REVIVALS = 10
_CLASH = "address already in use"
_POLL_SECONDS = 0.1
_KILL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Record:
    """What is written down about a cluster before it is started."""

    ports: Mapping[str, int]
    nodes: int
    complete: bool
    """Whether it was ready once; otherwise its start was interrupted."""


class Cluster:
    """One cluster of one sandbox.

    Args:
        layout: the sandbox.
        name: name of the cluster.
        program: finds a program.
        choose_ports: returns that many ports which no cluster has.
    """

    def __init__(
        self, layout: Layout, name: str, program: Callable[[str], Path], choose_ports: Callable[[int], list[int]]
    ) -> None:
        self.name = name
        self._layout = layout
        self._program = program
        self._choose_ports = choose_ports
        self._directory = layout.clusters / name
        self._config = self._directory / "kwokctl.yaml"
        self._log = self._directory / "kwokctl.log"
        self._work = layout.kwok / "clusters" / f"{KWOK_PREFIX}{name}"
        self.pki = self._work / "pki"

    @property
    def record(self) -> Record | None:
        """What is written down; None if nothing is."""
        try:
            data = json.loads((self._directory / "record.json").read_bytes())
            return Record({name: int(data["ports"][name]) for name in PORTS}, data["nodes"], data["complete"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def server(self) -> str:
        """URL of the API server; empty if it has none yet."""
        record = self.record
        return f"https://127.0.0.1:{record.ports['kubeApiserverPort']}" if record else ""

    def belongs(self, command: Sequence[str]) -> bool:
        """Say of a command line whether it is a process of this cluster."""
        return command[0].startswith(f"{self._work}/") or str(self._config) in command[1:]

    def ask(self) -> Answer:
        """Return how the cluster is."""
        record = self.record
        return Probe(record.ports, self.pki).ask(record.nodes) if record else Answer("it was never started")

    def ensure(self, nodes: int, until: float, stop: threading.Event, again: Callable[[str], None]) -> float | None:
        """Make the cluster ready: start it, repair it, or leave it alone.

        A start that fails for a reason that may pass, like a port that somebody else took meanwhile, is repeated.
        A cluster that cannot be repaired is made anew, empty.

        Args:
            nodes: how many ready nodes it must have at least.
            until: deadline, on the monotonic clock.
            stop: set when the whole start is given up.
            again: told why an attempt failed.

        Returns:
            Seconds that it took, or None if it was ready.

        Raises:
            SandboxError: it did not become ready.
        """
        begun = time.monotonic()
        record = self.record
        if record and record.complete and record.nodes >= nodes and not self.ask().reason:
            return None
        failure = ""
        revivals = attempt = 0
        while attempt < _ATTEMPTS:
            try:
                if revivals and (present := self.record):
                    self._restart(present, max(nodes, present.nodes), until, stop)
                elif attempt < _REPAIRS and _CLASH not in failure and record and record.complete and self._keys_exist():
                    self._restart(record, max(nodes, record.nodes), until, stop)
                else:
                    self.destroy()
                    self._create(nodes, until, stop)
                return time.monotonic() - begun
            except _Failure as error:
                failure = str(error)
                again(failure)
                if error.component in _IMPATIENT and revivals < _REVIVALS and self._keys_exist():
                    revivals += 1
                else:
                    revivals = 0
                    attempt += 1
            if stop.is_set() or time.monotonic() > until:
                break
        kill_all(self.belongs, _KILL_SECONDS)
        raise SandboxError(
            f"cluster `{self.name}` did not become ready: {failure}",
            code="FLT-SBX-002",
            hints=(f"its logs are in `{self._work / 'logs'}`", "fleet sandbox down && fleet sandbox up"),
        )

    def destroy(self) -> None:
        """End the cluster's processes, and remove its files except for the record and the log."""
        kill_all(self.belongs, _KILL_SECONDS)
        shutil.rmtree(self._work, ignore_errors=True)

    def _create(self, nodes: int, until: float, stop: threading.Event) -> None:
        self._write(Record(dict(zip(PORTS, self._choose_ports(len(PORTS)), strict=True)), nodes, complete=False))
        self._kwokctl(["create", "cluster"], until, stop)
        self._settle(nodes, until, stop)

    def _restart(self, record: Record, nodes: int, until: float, stop: threading.Event) -> None:
        """Start what has died. What is left of it would make kwokctl believe that it runs."""
        self._write(Record(record.ports, nodes, record.complete))
        for file in (self._work / "pids").glob("*.pid"):
            if not is_running(_number(file), self.belongs):
                file.unlink(missing_ok=True)
        for link in (self._work / "bin").iterdir():  # the toolchain may have moved
            program = self._program(_LINKS.get(link.name, link.name))
            if link.resolve() != program.resolve():
                link.unlink()
                link.symlink_to(program)
        self._kwokctl(["start", "cluster"], until, stop)
        self._settle(nodes, until, stop)

    def _settle(self, nodes: int, until: float, stop: threading.Event) -> None:
        self._kwokctl(["scale", "node", "--replicas", str(nodes)], until, stop)
        record = self.record
        assert record is not None  # noqa: S101
        probe = Probe(record.ports, self.pki)
        while reason := probe.ask(nodes).reason:
            self._check(reason, until, stop)
            stop.wait(_POLL_SECONDS)
        self._write(Record(record.ports, nodes, complete=True))

    def _kwokctl(self, arguments: list[str], until: float, stop: threading.Event) -> None:
        """Run kwokctl; what it says goes to a file, since its children inherit its output."""
        command = [
            str(self._program("kwokctl")),
            *("--config", str(self._config), "--name", f"{KWOK_PREFIX}{self.name}"),
            *arguments,
        ]
        environment = self._layout.environment(self._directory / "kubeconfig")
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self._directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we end it
            )
            try:
                while True:
                    with suppress(subprocess.TimeoutExpired):
                        status = process.wait(_POLL_SECONDS)
                        break
                    self._check(f"`kwokctl {' '.join(arguments)}` has not ended", until, stop)
            except BaseException:
                process.kill()
                process.wait()
                raise
        if status:
            raise _Failure(f"`kwokctl {arguments[0]}` failed: {_tail(self._log)}")

    def _check(self, waiting_for: str, until: float, stop: threading.Event) -> None:
        """Give up early: on demand, after the deadline, or when a component has died."""
        if stop.is_set():
            raise _Failure("interrupted")
        for file in (self._work / "pids").glob("*.pid"):
            pid = _number(file)
            if pid and not is_running(pid, self.belongs):
                log = self._work / "logs" / f"{file.stem}.log"
                raise _Failure(f"{file.stem} has ended: {_tail(log)}", file.stem)
        if time.monotonic() > until:
            raise _Failure(f"{waiting_for}, and the time is over")

    def _write(self, record: Record) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        data = {"ports": dict(record.ports), "nodes": record.nodes, "complete": record.complete}
        write_atomically(self._directory / "record.json", json.dumps(data, indent=1), mode=0o600)
        options: dict[str, object] = {
            "runtime": "binary",
            "bindAddress": "127.0.0.1",
            "disableQPSLimits": True,
            **{option: str(self._program(name)) for option, name in BINARIES.items()},
            **record.ports,
        }
        # Each is alone. With an election, one that was killed could work only after its old lease has expired.
        alone = [{"key": "leader-elect", "value": "false"}]
        config = {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": options,
            "componentsPatches": [
                {"name": name, "extraArgs": alone} for name in ("kube-controller-manager", "kube-scheduler")
            ],
        }
        # JSON is YAML.
        write_atomically(self._config, json.dumps(config, indent=1), mode=0o600)

    def _keys_exist(self) -> bool:
        return all((self.pki / name).is_file() for name in ("ca.crt", "admin.crt", "admin.key"))


class _Failure(Exception):  # noqa: N818
    """A start that did not work out; the message says why."""

    def __init__(self, message: str, component: str = "") -> None:
        super().__init__(message)
        self.component = component
        """Which process has ended, if that is the reason."""


def _number(file: Path) -> int:
    """Return the number in a file, 0 if there is none (yet)."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _tail(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    said = [line.strip() for line in lines if line.strip()]
    clash = [line for line in said if _CLASH in line]
    return (clash or said or ["it said nothing"])[-1][-300:]
