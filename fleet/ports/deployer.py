"""Brings one target to its desired state through the Pulumi engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fleet.model.change import ChangeSet
from fleet.model.declared import ClusterSpec
from fleet.model.names import Target
from fleet.model.objects import Manifest, ObjectRef
from fleet.model.state import DesiredState


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to do with one stack."""

    desired: DesiredState
    cluster: ClusterSpec
    timeout: float
    """Seconds until the run is cancelled."""
    fence: int
    """Fencing token of the caller's lease."""
    preview: bool = False
    """Compute changes by server-side dry run; write nothing."""
    cancel: threading.Event | None = None
    """Set when the lease is lost: the run must stop writing at once."""


@dataclass(frozen=True, slots=True)
class DeployedObject:
    """One object after the run: what was asked for and the API server's answer."""

    ref: ObjectRef
    inputs: Manifest
    live: Manifest


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What a run of the engine did."""

    changes: ChangeSet
    objects: tuple[DeployedObject, ...]
    """Every object of the target that exists now, changed or not."""
    operations: Mapping[str, int]
    """Engine steps by name: `create`, `update`, `replace`, `delete`, `same`."""
    error: str = ""
    """Why it failed; empty on success. One canonical line without ids, times or addresses."""
    hint: str = ""
    unreachable: bool = False
    warnings: tuple[str, ...] = ()
    """What went well but should be known: fields that were taken over from another manager, objects left alone."""


Resolve = Callable[[str], tuple[DesiredState, ClusterSpec]]
"""Returns the desired state and the cluster of a stack by its name."""


class Deployer(Protocol):
    """The engine. Safe to call from several threads for different targets."""

    def deploy(self, request: DeployRequest, on_object: Callable[[ObjectRef, str], None]) -> DeployResult:
        """Apply (or preview) one target. ``on_object`` is told each object and engine step as it happens.

        Objects that the stack owns and the desired state lacks are deleted, if they carry this target's labels.

        Raises:
            ConflictError: the fencing token is older than one seen before, the lease was lost during the run, or
                another process works on the stack.
            ToolError: the engine's binary is missing.
        """
        ...

    def remove(self, target: Target, cluster: ClusterSpec, timeout: float, fence: int) -> DeployResult:
        """Delete the stack's objects and the stack."""
        ...

    def stacks(self) -> Sequence[Target]:
        """Return the targets that have a stack."""
        ...

    def close(self) -> None:
        """Stop the resident provider and language host."""
        ...


class InteractiveDeployer(Deployer, Protocol):
    """An engine whose own command line a person may use on the fleet's stacks."""

    def interactive(
        self, arguments: Sequence[str], directory: Path | None, resolve: Resolve, *, program: str | None = None
    ) -> int:
        """Run the engine's command line on this terminal and return its exit status.

        With ``program``, that program is run instead, with the engine's command line on its PATH.

        It works on the same stacks with the same provider; ``resolve`` is asked for the stacks that it works on. It
        runs in ``directory``, which must belong to the fleet's project; None: in a project made for it.

        Raises:
            ToolError: the engine's binary is missing.
        """
        ...
