"""What all runs of the engine in this process share: servers, directories, environment; started with the first run."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.adapters.pulumi import process
from fleet.adapters.pulumi.guard import Guard
from fleet.adapters.pulumi.secrets_endpoint import URL as SECRETS_URL
from fleet.adapters.pulumi.secrets_endpoint import KeyRing, SecretsEndpoint
from fleet.adapters.pulumi.state import StateDirectory
from fleet.errors import DeployError, FleetError, ToolError
from fleet.local_key import load_key
from fleet.model.declared import ClusterSpec
from fleet.model.names import Target
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.cluster import Clusters
from fleet.ports.deployer import Resolve

if TYPE_CHECKING:
    from fleet.adapters.pulumi.language import Program
    from fleet.adapters.pulumi.provider.session import Session
    from fleet.adapters.pulumi.server import EngineServer

_WORK_PREFIX = "fleet-engine-"

HAND_TIMEOUT = 3600.0
"""Seconds that a run by hand may wait for the cluster: the person can stop it."""


@dataclass(frozen=True)
class Run:
    """One run on one stack."""

    session: Session
    program: Program
    held: Sequence[ObjectRef]
    """Objects that the stack had before."""
    error: FleetError | None = None
    """Why the run cannot start: the cluster does not answer."""


@dataclass(frozen=True)
class _Started:
    server: EngineServer
    endpoint: SecretsEndpoint
    work: tempfile.TemporaryDirectory[str]


def provider_inputs(clusters: Clusters, target: Target, cluster: ClusterSpec) -> dict[str, str]:
    """Return the inputs of a stack's provider resource: where the cluster is, never credentials.

    With the identifier, the official provider does not take a changed kubeconfig for another cluster either.
    """
    kubeconfig, context = clusters.kubeconfig(target.cluster, cluster)
    inputs = {"clusterIdentifier": target.cluster, "kubeconfig": str(kubeconfig)}
    return {**inputs, "context": context} if context else inputs


class Runtime:
    """Servers and directories. Safe to use from several threads.

    Args:
        state: the fleet's local state directory.
        fleet: name of the fleet, and so of the Pulumi project.
        clusters: connects to clusters.
        stock_provider: returns the path of the official provider; None for fleet's own.
    """

    def __init__(
        self, state: Path, fleet: str, clusters: Clusters, stock_provider: Callable[[], Path] | None = None
    ) -> None:
        self.state = StateDirectory(state / "pulumi", fleet)
        self.guard = Guard()
        self._key_file = state / "key"
        self._fleet = fleet
        self._clusters = clusters
        self._stock_provider = stock_provider
        self._lock = threading.RLock()
        self._started: _Started | None = None
        self._runs: dict[str, Run] = {}
        self._hand_runs: dict[str, Run] = {}
        self._resolve: Resolve | None = None

    @property
    def stock(self) -> bool:
        """Whether the official provider serves the runs."""
        return self._stock_provider is not None

    # -- runs -------------------------------------------------------------------------------------------------------

    def open(
        self,
        target: Target,
        cluster: ClusterSpec,
        objects: Sequence[Manifest],
        timeout: float,
        on_object: Callable[[ObjectRef, str], None] = lambda _ref, _step: None,
    ) -> Run:
        """Read what the stack holds and what is live. For a cluster that does not answer, the run carries an error."""
        from fleet.adapters.pulumi.language import Program, former_urns
        from fleet.adapters.pulumi.provider.session import Session
        from fleet.adapters.pulumi.server import sdk_version

        self._drop_unreadable(target.stack)
        held = self.state.held(target.stack)
        session = Session(
            target,
            self._fleet,
            self._clusters.writer(target.cluster, cluster),
            objects,
            deadline=time.monotonic() + timeout,
            on_object=on_object,
        )
        error: FleetError | None = None
        provider: Mapping[str, Any] = {}
        try:
            provider = provider_inputs(self._clusters, target, cluster)
            session.prefetch([*held, *self.state.intent(target.stack)])
        except FleetError as found:
            error = found
        aliases = former_urns(tuple(objects), held, target.stack, self._fleet)
        return Run(session, Program(tuple(objects), provider, sdk_version(), aliases), held, error)

    def add(self, run: Run) -> None:
        """Make a run known to the servers; a stack has one at a time."""
        self._runs[run.session.target.stack] = run

    def remove(self, run: Run) -> None:
        """Forget a run."""
        self._runs.pop(run.session.target.stack, None)

    def attach(self, resolve: Resolve) -> dict[str, str]:
        """Serve whatever stack a process asks for, and return the environment that it needs.

        A Python project, as the one at the root of a fleet, is answered by our language host.
        """
        with self._lock:
            self._resolve = resolve
        self.forget_hand_runs()
        port = self._start().server.port
        return {**self.environment(self.state, by_hand=True), "PULUMI_DEBUG_LANGUAGES": f"python:{port}"}

    def forget_hand_runs(self) -> None:
        """Have the next run by hand resolve its stack anew."""
        with self._lock:
            self._hand_runs.clear()

    # -- directories and environment --------------------------------------------------------------------------------

    def environment(self, state: StateDirectory, *, by_hand: bool = False) -> dict[str, str]:
        """Return the environment of a run on a backend directory."""
        started = self._start()
        return {
            **process.base_environment(os.environ, everything=self.stock or by_hand),
            **process.settings(state),
            **started.endpoint.environment,
            **({} if self.stock else started.server.environment()),
        }

    @property
    def address(self) -> str:
        """Address of the language host."""
        return self._start().server.address

    def work_directory(self, stack: str) -> Path:
        """Make the directory that a run starts in.

        It is outside of every git repository: inside of one, the CLI asks git for its status, which can cost more than
        the run itself.
        """
        directory = Path(self._start().work.name) / stack
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            project: dict[str, Any] = {"name": self._fleet, "runtime": "python"}
            if self._stock_provider is not None:
                found = self._official(self._stock_provider)
                project["plugins"] = {"providers": [{"name": "kubernetes", "path": str(found.parent)}]}
            (directory / "Pulumi.yaml").write_text(json.dumps(project))  # JSON is YAML
            (directory / f"Pulumi.{stack}.yaml").write_text(json.dumps(self.stack_settings(stack)))
        return directory

    def project_directory(self) -> Path:
        """Make a project for a person's commands, for a fleet that has none at its root."""
        # Pulumi takes the directory of settings as relative to the project, even if it looks absolute.
        project = {"name": self._fleet, "runtime": "python", "stackConfigDir": "../settings"}
        file = self.state.root / "project" / "Pulumi.yaml"
        file.parent.mkdir(exist_ok=True, mode=0o700)
        file.write_text(json.dumps(project))
        return file.parent

    def scratch_state(self, stack: str) -> StateDirectory:
        """Return a copy of a stack's state in a directory of its own, for a run that must leave nothing behind."""
        copy = StateDirectory(self.work_directory(stack) / "backend", self._fleet)
        copy.prepare()
        copy.copy_from(self.state, stack)
        return copy

    def stack_settings(self, stack: str) -> dict[str, str]:
        """Return the contents of a stack's settings file: where its secrets are unlocked."""
        return {"secretsprovider": SECRETS_URL, "encryptedkey": self._ring().encoded(stack)}

    def close(self) -> None:
        """Stop serving; kill what still runs."""
        with self._lock:
            started, self._started = self._started, None
        if started is not None:
            started.endpoint.close()
            started.server.close()
        self.guard.close()
        if started is not None:
            started.work.cleanup()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _start(self) -> _Started:
        with self._lock:
            if self._started is None:
                from fleet.adapters.pulumi.provider.sessions import Sessions
                from fleet.adapters.pulumi.server import EngineServer

                sessions = Sessions(lambda stack: self._run_on(stack).session)
                server = EngineServer(sessions, lambda stack: self._run_on(stack).program)
                _remove_left_behind()
                work = tempfile.TemporaryDirectory(prefix=f"{_WORK_PREFIX}{os.getpid()}-")
                self._started = _Started(server, SecretsEndpoint(self._ring()), work)
            return self._started

    def _run_on(self, stack: str) -> Run:
        """Return the run of a stack; one that a person started by hand is opened with its first request.

        Raises:
            DeployError: nobody runs anything on that stack.
        """
        with self._lock:
            run = self._runs.get(stack) or self._hand_runs.get(stack)
            if run is None and self._resolve is not None:
                desired, cluster = self._resolve(stack)
                run = self.open(desired.target, cluster, desired.objects, HAND_TIMEOUT)
                self._hand_runs[stack] = run
            if run is None:
                raise DeployError(f"there is no run on the stack `{stack}`")
            if run.error is not None:
                raise run.error
            return run

    def _drop_unreadable(self, stack: str) -> None:
        """Drop a state whose secrets were encrypted with another key, or one that is gone.

        Git and the cluster hold all it knew.
        """
        wrapped = self.state.wrapped_key(stack)
        if wrapped is not None and not self._ring().opens(wrapped):
            self.state.intend(stack, self.state.held(stack), ())
            self.state.file(stack).unlink()

    def _ring(self) -> KeyRing:
        return KeyRing(load_key(self._key_file))

    @staticmethod
    def _official(find: Callable[[], Path]) -> Path:
        try:
            return find()
        except ToolError as error:
            raise ToolError(
                f"`engine.provider: stock` needs `pulumi-resource-kubernetes`: {error.message}",
                hints=(
                    "use fleet's own provider: `engine: {provider: resident}` in fleet.yaml",
                    "or put the plugin of https://github.com/pulumi/pulumi-kubernetes/releases on the PATH",
                ),
            ) from error


def _remove_left_behind() -> None:
    """Remove working directories of processes that were killed."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_WORK_PREFIX}*-*"):
        pid = directory.name.removeprefix(_WORK_PREFIX).partition("-")[0]
        with suppress(OSError):
            if pid.isdigit() and directory.stat().st_uid == os.getuid() and not _alive(int(pid)):
                shutil.rmtree(directory, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
