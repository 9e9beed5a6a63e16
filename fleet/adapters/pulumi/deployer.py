"""Implements the deployer port: one process of the stock Pulumi command line for each target that changes.

What makes it cheap is measured in ``bench/engine.py`` and told in ``docs/concepts/engine.md``: one spawn instead of the
four to seven of the Automation API, our own language host and provider in this process, no passphrase, no collection.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fleet.adapters.pulumi import outcome, process
from fleet.adapters.pulumi.observing import observe_preview, observe_run
from fleet.adapters.pulumi.runtime import Run, Runtime
from fleet.adapters.pulumi.state import StateDirectory
from fleet.errors import ConflictError, FleetError, ToolError
from fleet.model.declared import ClusterSpec, EngineSpec
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.ports.cluster import Clusters
from fleet.ports.deployer import DeployRequest, DeployResult, Resolve

_COMMON = (
    "--non-interactive",
    "--color=never",
    "--suppress-outputs",
    "--suppress-progress",
    "--exec-kind=auto.inline",
)
_WRITING = ("--yes", "--skip-preview", "--continue-on-error")


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
        stock = (stock_provider or _no_stock_provider) if engine.provider == "stock" else None
        self.runtime = Runtime(state, fleet_name, clusters, stock)
        self._pulumi = pulumi
        self._fleet = fleet_name
        self._lock = threading.Lock()
        self._stack_locks: dict[str, threading.Lock] = {}

    @property
    def state(self) -> StateDirectory:
        """Where the stacks are."""
        return self.runtime.state

    def deploy(self, request: DeployRequest, on_object: Callable[[ObjectRef, str], None]) -> DeployResult:
        """Apply (or preview) one target.

        Raises:
            ConflictError: somebody else works on the stack, or took it over.
            ToolError: the engine's binary, or the official provider's, is missing.
        """
        desired = request.desired
        stack = desired.target.stack
        with self._exclusive(stack):
            if not request.preview:
                self.state.prepare()
                self.state.take(stack, request.fence)
            run = self.runtime.open(desired.target, request.cluster, desired.objects, request.timeout, on_object)
            if run.error is not None:
                return outcome.result_of(run.session, None, run.error)
            if request.preview:
                return self._preview(run, request.timeout)
            if not self.state.file(stack).exists():
                # For a person: without them Pulumi would ask for a passphrase that nobody has.
                self.state.write_settings(stack, self.runtime.stack_settings(stack))
                self.state.create(stack)
            self.state.intend(stack, [ObjectRef.of(manifest) for manifest in desired.objects], run.held)
            finished = self._write(run, "up", request.timeout, request.cancel)
            if finished.status == 0 and not run.session.errors and self._delete_orphans(run):
                self.state.forget_intent(stack)
            return outcome.result_of(run.session, finished)

    def remove(self, target: Target, cluster: ClusterSpec, timeout: float, fence: int) -> DeployResult:
        """Delete the stack's objects and the stack.

        Raises:
            ConflictError: somebody else works on the stack, or took it over.
            ToolError: the engine's binary, or the official provider's, is missing.
        """
        with self._exclusive(target.stack):
            self.state.prepare()
            self.state.take(target.stack, fence)
            run = self.runtime.open(target, cluster, (), timeout)
            if run.error is not None:
                return outcome.result_of(run.session, None, run.error)
            finished = self._write(run, "destroy", timeout) if run.held else None
            succeeded = (finished is None or finished.status == 0) and not run.session.errors
            if succeeded and self._delete_orphans(run):
                self.state.remove(target.stack)
            return outcome.result_of(run.session, finished)

    def stacks(self) -> Sequence[Target]:
        """Return the targets that have a stack."""
        return self.state.stacks()

    def interactive(
        self, arguments: Sequence[str], directory: Path | None, resolve: Resolve, *, program: str | None = None
    ) -> int:
        """Run the Pulumi command line, or a program that finds it on its PATH, on this terminal; return its status."""
        self.state.prepare()
        for target in self.state.stacks():
            self.state.write_settings(target.stack, self.runtime.stack_settings(target.stack))
        environment = self.runtime.attach(resolve)
        where = directory or self.runtime.project_directory()
        pulumi = self._pulumi()
        environment["PATH"] = f"{pulumi.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        return subprocess.run([program or str(pulumi), *arguments], env=environment, cwd=where, check=False).returncode

    def close(self) -> None:
        """Stop the resident provider and language host."""
        self.runtime.close()

    # -- a run ------------------------------------------------------------------------------------------------------

    def _preview(self, run: Run, timeout: float) -> DeployResult:
        """Preview on a copy of the state: nothing is written, and nobody who reconciles is waited for."""
        stack = run.session.target.stack
        scratch = self.runtime.scratch_state(stack)
        try:
            finished = self._execute(run, ["preview"], scratch, timeout)
        finally:
            scratch.remove(stack)
        if self.runtime.stock:
            observe_preview(run.session)
        if finished.status == 0 and not run.session.errors:
            # The engine asks the provider nothing about deletions in a preview; the stack says what they would be.
            gone = [ref for ref in run.held if ref.identity not in run.session.desired]
            for ref in [*gone, *run.session.orphans(run.held)]:
                run.session.foresee_deletion(ref)
        return outcome.result_of(run.session, finished)

    def _write(self, run: Run, command: str, timeout: float, cancel: threading.Event | None = None) -> process.Finished:
        finished = self._execute(run, [command, *_WRITING], self.state, timeout, cancel)
        if self.runtime.stock:
            observe_run(run.session, run.held)
        return finished

    def _execute(
        self,
        run: Run,
        command: Sequence[str],
        state: StateDirectory,
        timeout: float,
        cancel: threading.Event | None = None,
    ) -> process.Finished:
        stack = run.session.target.stack
        self.runtime.add(run)
        try:
            finished = process.run(
                self._pulumi(),
                [
                    *command,
                    f"--stack=organization/{self._fleet}/{stack}",
                    *_COMMON,
                    f"--client={self.runtime.address}",
                ],
                environment=self.runtime.environment(state),
                directory=self.runtime.work_directory(stack),
                timeout=timeout,
                guard=self.runtime.guard,
                cancel=cancel,
                on_stop=run.session.cancel,
            )
        finally:
            self.runtime.remove(run)
        state.prune(stack)
        if finished.cancelled:
            raise ConflictError(
                f"the lease of `{run.session.target}` was lost during the run",
                hints=("run `fleet reconcile` again when the other run is done",),
            )
        return finished

    @staticmethod
    def _delete_orphans(run: Run) -> bool:
        """Delete what a killed run left behind: live, ours, and neither declared nor known to the stack."""
        for ref in run.session.orphans(run.held):
            try:
                run.session.delete("", ref)
            except FleetError as error:
                run.session.failed(ref, error)
        return not run.session.errors

    @contextmanager
    def _exclusive(self, stack: str) -> Iterator[None]:
        with self._lock:
            lock = self._stack_locks.setdefault(stack, threading.Lock())
        with lock:
            yield


def _no_stock_provider() -> Path:
    raise ToolError("nothing says where it is")
