"""Use cases of the sandbox: start it, look at it, remove it."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.errors import SandboxError, UsageError
from fleet.model.events import Level, Message
from fleet.model.names import CLUSTER_NAME_LIMIT, is_label
from fleet.model.sandbox import DEFAULT_CLUSTERS, Leftovers, Sandbox
from fleet.ports.reporter import Reporter
from fleet.ports.sandbox import DemoFleet, SandboxHost, SandboxReader

MOST_CLUSTERS = 32


def choose_names(count: int | None, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the clusters that a person asked for; none if nothing was asked for.

    A number means that many of the default clusters, and beyond those `extra-1`, `extra-2`, ….

    Raises:
        UsageError: both a number and names, a bad number, or a bad name.
    """
    if count is not None and names:
        raise UsageError("`--clusters` and `--cluster` exclude each other")
    if count is not None and not 1 <= count <= MOST_CLUSTERS:
        raise UsageError(f"`--clusters {count}` is not between 1 and {MOST_CLUSTERS}")
    for name in names:
        if not is_label(name, CLUSTER_NAME_LIMIT):
            raise UsageError(
                f"`{name}` is not a cluster name",
                hints=(f"use small letters, digits and `-`, at most {CLUSTER_NAME_LIMIT} characters",),
            )
    if count is None:
        return tuple(dict.fromkeys(names))
    extra = tuple(f"extra-{number}" for number in range(1, count - len(DEFAULT_CLUSTERS) + 1))
    return (*DEFAULT_CLUSTERS, *extra)[:count]


def up(
    clusters: Sequence[str], nodes: int, *, sandbox: SandboxHost, demo: DemoFleet | None, reporter: Reporter
) -> Sandbox:
    """Check what is needed, then start what is not there and repair what is.

    Raises:
        SandboxError: a check failed, or a cluster did not become ready.
    """
    failed = []
    for check in sandbox.preflight(clusters):
        reporter.emit(Message(Level.OK if check.ok else Level.FAIL, f"{check.name}: {check.text}"))
        if not check.ok:
            failed.append(check)
    if failed:
        raise SandboxError(
            f"the sandbox cannot be started: {'; '.join(check.text for check in failed)}",
            code="FLT-SBX-001",
            hints=tuple(check.hint for check in failed if check.hint),
        )
    return sandbox.up(clusters, demo=demo, nodes=nodes)


def status(*, sandbox: SandboxReader) -> Sandbox:
    """Return the sandbox as it is."""
    return sandbox.status()


def leftovers(*, sandbox: SandboxReader) -> Leftovers:
    """Return what `down` would remove."""
    return sandbox.leftovers()


def down(*, sandbox: SandboxHost) -> Leftovers:
    """Stop every process and remove every file of the sandbox; return what there was."""
    return sandbox.down()
