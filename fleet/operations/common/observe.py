"""Live state of many targets: one list per cluster and kind, clusters side by side, never a call per target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from fleet.engine.health import target_health
from fleet.engine.objects import owner_of
from fleet.errors import ClusterError, UnreachableError
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.names import Target
from fleet.model.objects import APP_LABEL, FLEET_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Manifest, ObjectRef
from fleet.model.state import DesiredState, RecordedState
from fleet.ports.cluster import ClusterReader, Clusters

Identity = tuple[str, str, str, str]
"""Group, kind, namespace and name: what :attr:`fleet.model.objects.ObjectRef.identity` gives."""

_MOST_CLUSTERS = 16
"""Clusters that are asked at the same time."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the clusters said. A target on an unreachable cluster has no live objects, and its health is unknown."""

    live: Mapping[Target, Mapping[Identity, Manifest]] = field(default_factory=dict, repr=False)
    """Live objects that carry the target's ownership labels, or that are recorded as the target's."""
    health: Mapping[Target, TargetHealth] = field(default_factory=dict)
    """Health of each target of which the desired state was given, at that exact release."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Reason for each cluster that could not be asked, or that did not give a complete answer."""


_Answer = Mapping[Target, Mapping[Identity, Manifest]] | str
"""Live objects of the targets of a cluster, or why it did not tell."""


def observe(
    fleet: Fleet,
    desired: Mapping[Target, DesiredState],
    *,
    clusters: Clusters,
    recorded: Mapping[Target, RecordedState] | None = None,
) -> Observation:
    """Return what is live on the clusters of these targets.

    Args:
        fleet: declares the clusters; targets on other clusters are passed over.
        desired: targets whose health is wanted.
        clusters: connections; only readers are asked for.
        recorded: records; their kinds are listed too, and a recorded object that no list has is asked for by name
            (it may merely have lost its labels).
    """
    records = recorded or {}
    by_cluster: dict[str, list[Target]] = {}
    for target in dict.fromkeys((*desired, *records)):
        if target.cluster in fleet.clusters:
            by_cluster.setdefault(target.cluster, []).append(target)
    live: dict[Target, Mapping[Identity, Manifest]] = {}
    unreachable: dict[str, str] = {}

    def ask(cluster: str) -> _Answer:
        try:
            reader = clusters.reader(cluster, fleet.clusters[cluster])
            return _live_of_cluster(reader, fleet.name, by_cluster[cluster], desired, records)
        except (UnreachableError, ClusterError) as error:
            return error.message

    for cluster, answer in zip(by_cluster, _side_by_side(ask, tuple(by_cluster)), strict=True):
        if isinstance(answer, str):
            unreachable[cluster] = answer
        else:
            live.update(answer)
    return Observation(live, _health(desired, live, records, unreachable), unreachable)


def _side_by_side(ask: Callable[[str], _Answer], names: Sequence[str]) -> Sequence[_Answer]:
    if len(names) <= 1:
        return [ask(name) for name in names]
    with ThreadPoolExecutor(min(len(names), _MOST_CLUSTERS), thread_name_prefix="observe") as pool:
        return list(pool.map(ask, names))


def _live_of_cluster(
    reader: ClusterReader,
    fleet_name: str,
    targets: Iterable[Target],
    desired: Mapping[Target, DesiredState],
    records: Mapping[Target, RecordedState],
) -> dict[Target, dict[Identity, Manifest]]:
    found: dict[Target, dict[Identity, Manifest]] = {target: {} for target in targets}
    kinds = _kinds(found, desired, records)
    labels = {MANAGED_BY_LABEL: MANAGED_BY, FLEET_LABEL: fleet_name}
    apps = {target.app for target in found}
    if len(apps) == 1:
        labels[APP_LABEL] = apps.pop()
    for manifests in reader.list_many(sorted(kinds), labels=labels).values():
        for manifest in manifests:
            owner = owner_of(manifest, fleet_name)
            if owner is not None and owner in found:
                _keep(found[owner], manifest, records.get(owner))
    for target in found:
        record = records.get(target)
        for item in record.objects if record else ():
            if item.ref.identity not in found[target]:
                present = reader.get(item.ref)
                if present is not None:
                    found[target][item.ref.identity] = present
    return found


def _keep(objects: dict[Identity, Manifest], manifest: Manifest, record: RecordedState | None) -> None:
    """Keep a listed object. One that was listed in two API versions is kept in the recorded one."""
    ref = ObjectRef.of(manifest)
    if ref.identity in objects and record is not None and all(item.ref != ref for item in record.objects):
        return
    objects[ref.identity] = manifest


def _kinds(
    targets: Iterable[Target], desired: Mapping[Target, DesiredState], records: Mapping[Target, RecordedState]
) -> set[tuple[str, str]]:
    kinds: set[tuple[str, str]] = set()
    for target in targets:
        state = desired.get(target)
        if state is not None:
            kinds.update((m["apiVersion"], m["kind"]) for m in state.objects)
        record = records.get(target)
        if record is not None:
            kinds.update((item.ref.api_version, item.ref.kind) for item in record.objects)
    return kinds


def _health(
    desired: Mapping[Target, DesiredState],
    live: Mapping[Target, Mapping[Identity, Manifest]],
    records: Mapping[Target, RecordedState],
    unreachable: Mapping[str, str],
) -> dict[Target, TargetHealth]:
    health = {}
    for target, state in desired.items():
        if target in live:
            record = records.get(target)
            applied = None if record is None else record.digest == state.digest
            health[target] = target_health(state.objects, live[target], applied=applied)
        else:
            reason = unreachable.get(target.cluster, "the cluster is not declared")
            health[target] = TargetHealth(status=HealthStatus.UNKNOWN, exact=False, reason=reason)
    return health
