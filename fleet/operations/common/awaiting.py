"""Waits until a target is live at exactly the desired release and healthy, by watching; outside the engine."""

from __future__ import annotations

from fleet.engine.health import target_health
from fleet.engine.objects import ownership
from fleet.model.health import HealthStatus, ObjectHealth, TargetHealth
from fleet.model.objects import Manifest, ObjectRef
from fleet.model.state import DesiredState
from fleet.operations.common.observe import Identity
from fleet.operations.common.stopping import Stop
from fleet.ports.clock import Clock
from fleet.ports.cluster import ClusterReader

SLICE = 10.0
"""Longest single watch in seconds: how long a wish to stop may go unheard."""


def await_health(
    reader: ClusterReader,
    fleet_name: str,
    desired: DesiredState,
    *,
    deadline: float,
    clock: Clock,
    stop: Stop,
) -> TargetHealth:
    """Return the health of a target once it is healthy or has failed for good, or as it is at the deadline.

    What is live is read afresh, once; after that only kinds with an object that is not healthy yet are watched,
    one kind at a time: each watch begins with the present state, so that nothing is missed in between.

    Args:
        reader: the target's cluster.
        fleet_name: name of the fleet, for the ownership labels.
        desired: what must be live, and was applied: by this run, or by the one that is recorded.
        deadline: end of patience, on the monotonic clock.
        clock: tells the time.
        stop: a wish to stop ends the wait early.

    Raises:
        UnreachableError: the cluster cannot be reached.
    """
    labels = ownership(fleet_name, desired.target)
    kinds = sorted({(m["apiVersion"], m["kind"]) for m in desired.objects})
    listed = reader.list_many(kinds, labels=labels).values()
    live = {ObjectRef.of(m).identity: m for manifests in listed for m in manifests}
    while True:
        health = target_health(desired.objects, live, applied=True)
        waiting = _waiting(health)
        remaining = deadline - clock.monotonic()
        if health.status is HealthStatus.FAILED or not waiting or remaining <= 0 or stop.requested:
            return health
        _watch_kind(reader, waiting[0].ref, desired, live, labels, min(remaining, SLICE))


def _waiting(health: TargetHealth) -> list[ObjectHealth]:
    return [o for o in health.objects if o.status is not HealthStatus.HEALTHY]


def _watch_kind(
    reader: ClusterReader,
    ref: ObjectRef,
    desired: DesiredState,
    live: dict[Identity, Manifest],
    labels: dict[str, str],
    timeout: float,
) -> None:
    """Follow one kind until nothing of it has to be waited for, or the timeout; keeps ``live`` up to date."""
    for event in reader.watch(ref.api_version, ref.kind, labels=labels, timeout=timeout):
        if event.type == "BOOKMARK":
            continue
        identity = ObjectRef.of(event.object).identity
        if event.type == "DELETED":
            live.pop(identity, None)
        else:
            live[identity] = event.object
        health = target_health(desired.objects, live, applied=True)
        if health.status is HealthStatus.FAILED:
            return
        if not any(o.ref.kind == ref.kind and o.ref.api_version == ref.api_version for o in _waiting(health)):
            return
