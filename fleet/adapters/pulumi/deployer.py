"""Implements the deployer port: one process of the stock Pulumi command line for each target that changes.

What makes it cheap is measured in ``bench/engine.py`` and told in ``docs/concepts/engine.md``: one spawn instead of the
four to seven of the Automation API, our own language host and provider in this process, no passphrase, no collection.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.adapters.pulumi import outcome, process
from fleet.adapters.pulumi.guard import Guard
from fleet.adapters.pulumi.secrets_endpoint import URL as SECRETS_URL
from fleet.adapters.pulumi.secrets_endpoint import KeyRing, SecretsEndpoint, local_key
from fleet.adapters.pulumi.state import StateDirectory
from fleet.errors import FleetError, ToolError
from fleet.model.declared import ClusterSpec, EngineSpec
from fleet.model.names import Target
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.cluster import Clusters
from fleet.ports.deployer import DeployRequest, DeployResult

if TYPE_CHECKING:
    from fleet.adapters.pulumi.language import Program
    from fleet.adapters.pulumi.provider.session import Session, Sessions
    from fleet.adapters.pulumi.server import EngineServer

_COMMON = (
    "--non-interactive",
    "--color=never",
    "--suppress-outputs",
    "--suppress-progress",
    "--exec-kind=auto.inline",
)


@dataclass
class _Run:
    """One run on one stack."""

    target: Target
    session: Session
    program: Program
    held: Sequence[ObjectRef]


class PulumiDeployer:
    """Implements :class:`fleet.ports.deployer.Deployer`.

    Args:
        state: the fleet's local state directory; stacks go to its `pulumi` folder.
        clusters: connects to clusters.
        pulumi: returns the path of the Pulumi command line.
        engine: which provider to use.
        fleet_name: name of the fleet, and so of the Pulumi project.
        stock_provider: returns the path of the official provider, for ``engine.provider: stock``.
    """

    def __init__(
        self,
        state: Path,
        clusters: Clusters,
        pulumi: Callable[[], Path],
        engine: EngineSpec,
        fleet_name: str,
        stock_provider: Callable[[], Path] | None = None,
    ) -> None:
        self.state = StateDirectory(state / "pulumi", fleet_name)
        self._key_file = state / "key"
        self._clusters = clusters
        self._pulumi = pulumi
        self._engine = engine
        self._fleet = fleet_name
        self._stock_provider = stock_provider
        self._guard = Guard()
        self._lock = threading.Lock()
        self._stack_locks: dict[str, threading.Lock] = {}
        self._runs: dict[str, _Run] = {}
        self._started: tuple[EngineServer, Sessions, SecretsEndpoint, Path] | None = None
        self._work: tempfile.TemporaryDirectory[str] | None = None

    # -- the port ---------------------------------------------------------------------------------------------------

    def deploy(self, request: DeployRequest, on_object: Callable[[ObjectRef, str], None]) -> DeployResult:
        """Apply (or preview) one target.

        Raises:
            ConflictError: somebody else works on the stack, or took it over.
            ToolError: the engine's binary is missing.
        """
        target = request.desired.target
        with self._exclusive(target.stack):
            self.state.prepare()
            if not request.preview:  # a preview holds no lease, and writes nothing that one would guard
                self.state.take(target.stack, request.fence)
            run, error = self._open(target, request.cluster, request.desired.objects, request.timeout, on_object)
            if error is not None:
                return outcome.result_of(run.session, None, error)
            arguments = self._arguments("preview" if request.preview else "up", target.stack)
            finished = self._execute(run, arguments, request.timeout)
            succeeded = finished.status == 0 and not run.session.errors
            if succeeded:
                orphans = run.session.orphans(run.held)
                self._delete_orphans(run.session, orphans, preview=request.preview)
                if request.preview:
                    self._foresee_deletions(run)
                else:
                    self.state.forget_intent(target.stack)
            return outcome.result_of(run.session, finished)

    def remove(self, target: Target, cluster: ClusterSpec, timeout: float, fence: int) -> DeployResult:
        """Delete the stack's objects and the stack.

        Raises:
            ConflictError: somebody else works on the stack, or took it over.
            ToolError: the engine's binary is missing.
        """
        with self._exclusive(target.stack):
            self.state.prepare()
            self.state.take(target.stack, fence)
            run, error = self._open(target, cluster, (), timeout, lambda _ref, _step: None)
            if error is not None:
                return outcome.result_of(run.session, None, error)
            finished = None
            if run.held:
                finished = self._execute(run, self._arguments("destroy", target.stack), timeout)
            if (finished is None or finished.status == 0) and not run.session.errors:
                self._delete_orphans(run.session, run.session.orphans(run.held), preview=False)
                if not run.session.errors:
                    self.state.remove(target.stack)
            return outcome.result_of(run.session, finished)

    def stacks(self) -> Sequence[Target]:
        """Return the targets that have a stack."""
        return self.state.stacks()

    def close(self) -> None:
        """Stop the resident provider and language host."""
        with self._lock:
            if self._started is not None:
                server, _, endpoint, _ = self._started
                endpoint.close()
                server.close()
                self._started = None
            if self._work is not None:
                self._work.cleanup()
                self._work = None
        self._guard.close()

    # -- a run ------------------------------------------------------------------------------------------------------

    def _open(
        self,
        target: Target,
        cluster: ClusterSpec,
        objects: Sequence[Manifest],
        timeout: float,
        on_object: Callable[[ObjectRef, str], None],
    ) -> tuple[_Run, FleetError | None]:
        """Read what is live and write down what is meant to be; nothing runs for a cluster that does not answer."""
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
        provider: dict[str, Any] = {"clusterIdentifier": target.cluster}
        try:
            kubeconfig, context = self._clusters.kubeconfig(target.cluster, cluster)
            provider |= {"kubeconfig": str(kubeconfig), **({"context": context} if context else {})}
            session.prefetch([*held, *self.state.intent(target.stack)])
        except FleetError as found:
            error = found
        aliases = former_urns(tuple(objects), held, target.stack, self._fleet)
        program = Program(tuple(objects), provider, sdk_version(), aliases)
        return _Run(target, session, program, held), error

    def _execute(self, run: _Run, arguments: Sequence[str], timeout: float) -> process.Finished:
        stack = run.target.stack
        server, sessions, endpoint, work = self._start()
        directory = self._work_directory(work, stack)
        self.state.create(stack)
        self.state.intend(stack, [ObjectRef.of(manifest) for manifest in run.program.objects], run.held)
        environment = {
            **process.base_environment(os.environ, everything=self._stock),
            **process.settings(self.state),
            **endpoint.environment,
            **({} if self._stock else server.environment()),
        }
        sessions.add(run.session)
        self._runs[stack] = run
        try:
            return process.run(
                self._pulumi(),
                [*arguments, f"--client={server.address}"],
                environment=environment,
                directory=directory,
                timeout=timeout,
                guard=self._guard,
                on_timeout=run.session.cancel,
            )
        finally:
            del self._runs[stack]
            sessions.remove(run.session)
            self.state.prune(stack)

    def _arguments(self, command: str, stack: str) -> list[str]:
        arguments = [command, f"--stack=organization/{self._fleet}/{stack}", *_COMMON]
        if command != "preview":
            arguments += ["--yes", "--skip-preview", "--continue-on-error"]
        return arguments

    @property
    def _stock(self) -> bool:
        return self._engine.provider == "stock"

    def _delete_orphans(self, session: Session, orphans: Sequence[ObjectRef], *, preview: bool) -> None:
        """Delete objects that a killed run left behind: live, ours, and neither declared nor known to the stack."""
        for ref in orphans:
            if preview:
                session.foresee_deletion(ref)
                continue
            try:
                session.delete("", ref)
            except FleetError as error:
                session.failed(ref, error)

    def _foresee_deletions(self, run: _Run) -> None:
        """A preview asks the provider nothing about deletions; the stack says what they would be."""
        for ref in run.held:
            if ref.identity not in run.session.desired:
                run.session.foresee_deletion(ref)

    def _drop_unreadable(self, stack: str) -> None:
        """Forget the secrets of a state that another key encrypted: all of it is rebuilt from git and what is live."""
        wrapped = self.state.wrapped_key(stack)
        if wrapped is not None and not self.ring.opens(wrapped):
            self.state.intend(stack, self.state.held(stack), ())
            self.state.file(stack).unlink()

    @cached_property
    def ring(self) -> KeyRing:
        """Keys of the stacks' secrets."""
        return KeyRing(local_key(self._key_file))

    # -- what all runs share ----------------------------------------------------------------------------------------

    def _start(self) -> tuple[EngineServer, Sessions, SecretsEndpoint, Path]:
        """Start the servers with the first run."""
        with self._lock:
            if self._started is None:
                from fleet.adapters.pulumi.provider.session import Sessions
                from fleet.adapters.pulumi.server import EngineServer

                sessions = Sessions()
                self._work = tempfile.TemporaryDirectory(prefix="fleet-engine-")
                server = EngineServer(sessions, lambda stack: self._runs[stack].program)
                self._started = (server, sessions, SecretsEndpoint(self.ring), Path(self._work.name))
            return self._started

    def _work_directory(self, work: Path, stack: str) -> Path:
        """Make the directory that a run starts in.

        It is outside of every git repository: inside of one, the CLI asks git for its status, which can cost more than
        the run itself.
        """
        directory = work / stack
        if not directory.is_dir():
            directory.mkdir(mode=0o700)
            project: dict[str, Any] = {"name": self._fleet, "runtime": "python"}
            if self._stock:
                project["plugins"] = {"providers": [{"name": "kubernetes", "path": str(self._stock_path().parent)}]}
            (directory / "Pulumi.yaml").write_text(json.dumps(project))  # JSON is YAML
            (directory / f"Pulumi.{stack}.yaml").write_text(json.dumps(self.stack_settings(stack)))
        return directory

    def stack_settings(self, stack: str) -> Mapping[str, str]:
        """Return the contents of a stack's settings file: where its secrets are unlocked."""
        return {"secretsprovider": SECRETS_URL, "encryptedkey": self.ring.encoded(stack)}

    def _stock_path(self) -> Path:
        hint = "use fleet's own provider: `engine: {provider: resident}` in fleet.yaml"
        if self._stock_provider is None:
            raise ToolError("the official Kubernetes provider of Pulumi is not available", hints=(hint,))
        try:
            return self._stock_provider()
        except ToolError as error:
            raise ToolError(
                f"`engine.provider: stock` needs `pulumi-resource-kubernetes`: {error.message}",
                hints=(hint, "or put the plugin of https://github.com/pulumi/pulumi-kubernetes/releases on the PATH"),
            ) from error

    @contextmanager
    def _exclusive(self, stack: str) -> Iterator[None]:
        with self._lock:
            lock = self._stack_locks.setdefault(stack, threading.Lock())
        with lock:
            yield
