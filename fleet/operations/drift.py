"""Drift of targets: recorded against live. Read-only: one list per cluster and kind, nothing is rendered."""

from __future__ import annotations

from fleet.engine.drift import Conceal, drift_of
from fleet.engine.selection import Selection, select
from fleet.model.drift import DriftReport, DriftState, TargetDrift
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.state import RecordedState
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observe import Observation, observe
from fleet.ports.cluster import Clusters
from fleet.ports.config import FleetLoader
from fleet.ports.repository import RepositoryReader
from fleet.ports.store import RecordReader


def find_drift(
    selection: Selection,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    clusters: Clusters,
    store: RecordReader,
    branch: str,
    conceal: Conceal,
) -> DriftReport:
    """Return what changed on the selected targets since they were applied.

    Raises:
        ConfigError: the fleet cannot be loaded.
        UsageError: the selection names something that is not there.
    """
    fleet, _ = load_fleet(repository, loader, branch)
    targets = select(fleet, selection)
    recorded = store.recorded(targets)
    observation = observe(fleet, {}, clusters=clusters, recorded=recorded)
    return DriftReport(
        revision=fleet.revision,
        targets=tuple(_target_drift(fleet, t, recorded.get(t), observation, conceal) for t in targets),
        unreachable=dict(sorted(observation.unreachable.items())),
    )


def _target_drift(
    fleet: Fleet, target: Target, record: RecordedState | None, observation: Observation, conceal: Conceal
) -> TargetDrift:
    if record is None:
        reason = "nothing is recorded here: it was never applied from this clone"
        return TargetDrift(target=target, state=DriftState.UNRECORDED, reason=reason)
    if target.cluster in observation.unreachable:
        reason = observation.unreachable[target.cluster]
        return TargetDrift(target=target, state=DriftState.UNREACHABLE, reason=reason)
    drift = drift_of(record, observation.live[target], conceal, fleet.name)
    if drift.superseded:
        reason = "another fleet applied it since, so the record of this clone is out of date"
        return TargetDrift(target=target, state=DriftState.SUPERSEDED, reason=reason)
    state = DriftState.CLEAN if drift.changes.empty else DriftState.DRIFTED
    return TargetDrift(target=target, state=state, changes=drift.changes)
