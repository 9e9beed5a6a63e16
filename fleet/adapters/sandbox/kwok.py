"""The sandbox: real control planes with fake nodes, and a git host, all below one directory.

Isolated from the user's HOME, kubeconfig and git configuration. Safe to be killed at any time: what is about to be
started is written down first, and processes are recognised by what they run.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from fleet.adapters.sandbox.cluster import BINARIES, Cluster
from fleet.adapters.sandbox.kubeconfig import write_kubeconfig
from fleet.adapters.sandbox.layout import Layout
from fleet.adapters.sandbox.origin import Origin
from fleet.adapters.sandbox.ports import free_ports
from fleet.adapters.sandbox.preflight import PROGRAMS, check_git, check_memory, check_programs
from fleet.adapters.sandbox.processes import Process, kill_all, running
from fleet.errors import FleetError, SandboxError, UsageError
from fleet.files import exclusive, write_atomically
from fleet.model.durations import human
from fleet.model.events import Advanced, Event, Level, Message, Started
from fleet.model.names import CLUSTER_NAME_LIMIT, is_label
from fleet.model.sandbox import DEFAULT_CLUSTERS, Check, ClusterState, Leftovers, Sandbox, SandboxCluster
from fleet.ports.reporter import Reporter
from fleet.ports.sandbox import DemoFleet
from fleet.ports.toolchain import ToolFinder

_START_SECONDS = 180.0
_KILL_SECONDS = 30.0


class KwokSandbox:
    """Starts and stops a sandbox (:class:`fleet.ports.sandbox.SandboxHost`).

    Args:
        root: its directory; made by `up`, gone after `down`.
        toolchain: finds the programs; they must be installed.
        reporter: told what happens.
        seconds: how long the clusters may take to become ready.
    """

    def __init__(
        self, root: Path, toolchain: ToolFinder, reporter: Reporter, *, seconds: float = _START_SECONDS
    ) -> None:
        self._layout = Layout(root.expanduser().resolve())
        self._toolchain = toolchain
        self._reporter = reporter
        self._seconds = seconds
        self._origin = Origin(self._layout)
        self._ports_lock = threading.Lock()
        self._reserved: set[int] = set()
        self._programs: dict[str, Path] = {}

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig; its contexts have the names of the clusters."""
        return self._layout.kubeconfig

    def preflight(self, clusters: Sequence[str]) -> Sequence[Check]:
        """Check what is needed to start those of the clusters that do not run yet."""
        present = running(self._layout.belongs)
        new = [n for n in self._names(clusters) if not any(self._cluster(n).belongs(p.command) for p in present)]
        return (check_programs(self._program), check_git(), check_memory(new))

    def up(self, clusters: Sequence[str] = (), *, demo: DemoFleet | None = None, nodes: int = 3) -> Sandbox:
        """Start what is not there, repair what is, and seed the git host.

        Raises:
            SandboxError: a cluster did not become ready, or the directory holds something else.
            ToolError: a program is missing.
            UsageError: a name is not a cluster name.
        """
        names = self._names(clusters)
        for name in names:
            if not is_label(name, CLUSTER_NAME_LIMIT):
                raise UsageError(f"`{name}` is not a cluster name: small letters, digits and `-`, 38 at most")
        for program in PROGRAMS:
            self._program(program)
        self._claim()
        with self._locked("starts the sandbox"):
            self._prepare()
            self._reserved.clear()
            took = self._start([self._cluster(name) for name in names], nodes)
            write_kubeconfig(self._layout.kubeconfig, [self._cluster(name) for name in self._recorded()])
            if demo is not None and self._origin.seed(demo):
                self._say(Level.OK, f"the demo fleet is in {self._layout.fleet}")
        return self._status(took)

    def status(self) -> Sandbox:
        """Return the sandbox as it is."""
        return self._status({})

    def leftovers(self) -> Leftovers:
        """Return what `down` would remove."""
        if not self._layout.marker.exists():
            return Leftovers(root=self._layout.root)
        unsaved: list[str] = []
        with suppress(FleetError):  # git may be gone, and that must not keep anybody from cleaning up
            unsaved = self._origin.unsaved()
        return Leftovers(
            root=self._layout.root,
            clusters=tuple(self._recorded()),
            processes=len(running(self._layout.belongs)),
            paths=tuple(path for path in self._layout.ours() if path.exists()),
            unsaved=tuple(unsaved),
        )

    def down(self) -> Leftovers:
        """Stop every process and remove every file of the sandbox.

        Raises:
            SandboxError: a process does not end, or a file cannot be removed.
        """
        root = self._layout.root
        if not self._layout.marker.exists():
            return Leftovers(root=root)
        with self._locked("stops the sandbox"):
            left = self.leftovers()
            try:
                kill_all(self._layout.belongs, _KILL_SECONDS)
                for path in self._layout.ours():
                    _remove(path)
            except (OSError, TimeoutError) as error:
                raise SandboxError(
                    f"the sandbox in `{root}` could not be removed: {error}",
                    code="FLT-SBX-004",
                    hints=("fleet sandbox down",),
                ) from error
            self._layout.lock.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's files are in it
            root.rmdir()
        return left

    def _start(self, clusters: Sequence[Cluster], nodes: int) -> dict[str, float | None]:
        """Make clusters ready, side by side.

        Raises:
            SandboxError: one or several did not become ready; the others are.
        """
        until = time.monotonic() + self._seconds
        stop = threading.Event()
        took: dict[str, float | None] = {}
        failures: list[FleetError] = []
        self._reporter.emit(Started("start clusters", len(clusters)))
        with ThreadPoolExecutor(max_workers=max(1, len(clusters)), thread_name_prefix="sandbox") as pool:
            jobs = {
                pool.submit(cluster.ensure, nodes, until, stop, self._retry_note(cluster)): cluster
                for cluster in clusters
            }
            try:
                for job in as_completed(jobs):
                    name = jobs[job].name
                    try:
                        took[name] = job.result()
                        self._emit(Advanced(_ready_text(name, took[name])))
                    except FleetError as error:
                        failures.append(error)
                        self._emit(Advanced())
                        self._say(Level.FAIL, error.message)
            except BaseException:
                stop.set()
                raise
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise SandboxError(
                "\n".join(["several clusters did not become ready:", *(f"  {e.message}" for e in failures)]),
                code="FLT-SBX-002",
                hints=failures[0].hints,
            )
        return took

    def _retry_note(self, cluster: Cluster) -> Callable[[str], None]:
        return lambda reason: self._say(Level.WARN, f"{cluster.name}: {reason}")

    def _status(self, took: dict[str, float | None]) -> Sandbox:
        names = self._recorded()
        processes = running(self._layout.belongs) if names else []
        with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
            clusters = tuple(pool.map(lambda n: self._cluster_status(n, processes, took.get(n)), names))
        there = self._origin.exists
        return Sandbox(
            root=self._layout.root,
            kubeconfig=self._layout.kubeconfig,
            origin=self._layout.origin if there else None,
            fleet=self._layout.fleet if there else None,
            clusters=clusters,
        )

    def _cluster_status(self, name: str, processes: Iterable[Process], seconds: float | None) -> SandboxCluster:
        cluster = self._cluster(name)
        own = [process for process in processes if cluster.belongs(process.command)]
        record = cluster.record
        answer = cluster.ask() if own else None
        reason = answer.reason if answer else "nothing runs"
        if not reason and len(own) < len(BINARIES):
            reason = f"{len(own)} of {len(BINARIES)} components run"
        state = ClusterState.DEGRADED if own else ClusterState.DOWN
        return SandboxCluster(
            name=name,
            state=ClusterState.READY if not reason else state,
            server=cluster.server,
            version=answer.version if answer else None,
            nodes=answer.nodes if answer else 0,
            memory=sum(process.memory for process in own),
            processes=len(own),
            ports=dict(record.ports) if record else {},
            reason=reason,
            seconds=round(seconds, 1) if seconds is not None else None,
        )

    def _names(self, clusters: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(clusters)) or self._recorded() or list(DEFAULT_CLUSTERS)

    def _recorded(self) -> list[str]:
        """Return the clusters that were ever started, the default ones first and in pipeline order."""
        try:
            names = [entry.name for entry in self._layout.clusters.iterdir() if (entry / "record.json").is_file()]
        except FileNotFoundError:
            return []
        order = {name: number for number, name in enumerate(DEFAULT_CLUSTERS)}
        return sorted(names, key=lambda name: (order.get(name, len(order)), name))

    def _cluster(self, name: str) -> Cluster:
        return Cluster(self._layout, name, self._program, self._choose_ports)

    def _program(self, name: str) -> Path:
        if name not in self._programs:
            self._programs[name] = self._toolchain.path(name)
        return self._programs[name]

    def _choose_ports(self, count: int) -> list[int]:
        """Return free ports that no other cluster of this sandbox has, running or not."""
        with self._ports_lock:
            records = [self._cluster(name).record for name in self._recorded()]
            taken = {port for record in records if record for port in record.ports.values()} | self._reserved
            try:
                chosen = free_ports(count, taken)
            except OSError as error:
                raise SandboxError(str(error), code="FLT-SBX-002") from error
            self._reserved.update(chosen)
            return chosen

    def _claim(self) -> None:
        """Make the directory ours, if it is empty or is so already.

        Raises:
            SandboxError: something else is in it, which `down` could not tell from our things.
        """
        root = self._layout.root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._layout.marker.exists():
            return
        strangers = {entry.name for entry in root.iterdir()} - {self._layout.lock.name}
        if any(not name.startswith(f".{self._layout.marker.name}.") for name in strangers):
            raise SandboxError(
                f"`{root}` is not empty, and it is not a sandbox of fleet",
                code="FLT-SBX-005",
                hints=("choose another place: `export FLEET_STATE_DIR=DIRECTORY`",),
            )

    def _prepare(self) -> None:
        layout = self._layout
        if not layout.marker.exists():
            write_atomically(layout.marker, json.dumps({"format": 1}) + "\n", mode=0o600)
        for directory in (layout.home, layout.temporary, layout.clusters):
            directory.mkdir(exist_ok=True)

    def _locked(self, purpose: str) -> AbstractContextManager[int]:
        return exclusive(self._layout.lock, purpose, lambda holder: self._say(Level.WAIT, f"waiting for {holder}"))

    def _say(self, level: Level, text: str) -> None:
        self._emit(Message(level, text))

    def _emit(self, event: Event) -> None:
        self._reporter.emit(event)


def _ready_text(name: str, seconds: float | None) -> str:
    return f"{name} is ready" if seconds is None else f"{name} is ready after {human(seconds)}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
