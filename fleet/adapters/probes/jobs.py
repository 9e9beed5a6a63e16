"""The gate `job`: a verification Job on every cluster of the source environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from fleet.engine.samples import Judgement
from fleet.engine.verification import Stand, Subject, job_manifest, stand_of
from fleet.errors import FleetError
from fleet.failpoints import failpoint
from fleet.model.declared import ClusterSpec
from fleet.model.objects import Manifest, ObjectRef
from fleet.model.policy import GateSpec
from fleet.ports.cluster import Clusters

MANAGER = "fleet-gate"
"""Field manager of verification Jobs."""
_MOST_CLUSTERS = 16
_SHOWN = 3


def ask_job(
    gate: GateSpec,
    subject: Subject,
    namespace: str,
    targets: Mapping[str, ClusterSpec],
    clusters: Clusters,
    now: datetime,
    *,
    start: bool,
) -> tuple[Judgement, str | None]:
    """Return what the Jobs say on all clusters together, and how a failed one is run again.

    Args:
        gate: the gate.
        subject: what is verified.
        namespace: where the Jobs run.
        targets: the clusters of the source environment.
        clusters: connects to them.
        now: the time.
        start: whether Jobs that are not there are started.
    """
    manifest = job_manifest(gate, subject, namespace)

    def look(name: str) -> Stand:
        try:
            return _look(gate, manifest, name, targets[name], clusters, now, start=start)
        except FleetError as error:
            return Stand(None, error.message)

    with ThreadPoolExecutor(min(len(targets), _MOST_CLUSTERS), thread_name_prefix="job") as pool:
        stands = dict(zip(targets, pool.map(look, targets), strict=True))
    ref = manifest["metadata"]
    hint = f"kubectl -n {ref['namespace']} delete job {ref['name']}   # and it runs once more"
    failed = {name: stand for name, stand in stands.items() if stand.passed is False}
    if failed:
        return Judgement(False, _told(failed)), hint
    waiting = {name: stand for name, stand in stands.items() if stand.passed is None}
    if waiting:
        return Judgement(None, _told(waiting)), None
    where = "1 cluster" if len(stands) == 1 else f"{len(stands)} clusters"
    return Judgement(True, f"the Job succeeded on {where}"), None


def _look(
    gate: GateSpec,
    manifest: Manifest,
    name: str,
    spec: ClusterSpec,
    clusters: Clusters,
    now: datetime,
    *,
    start: bool,
) -> Stand:
    assert gate.job is not None  # noqa: S101
    live = clusters.reader(name, spec).get(ObjectRef.of(manifest))
    if live is None:
        if not start:
            return Stand(None, "the Job was not started yet; promoting starts it")
        failpoint("probe.before-job")
        # Somebody else may do the same at this moment: it is the same object, so the API server makes one of both.
        live = clusters.writer(name, spec).apply(manifest, manager=MANAGER)
        failpoint("probe.after-job")
    return stand_of(live, gate.job, now)


def _told(stands: Mapping[str, Stand]) -> str:
    names: Sequence[str] = list(stands)
    text = "; ".join(f"{name}: {stands[name].reason}" for name in names[:_SHOWN])
    return text + (f"; and {len(names) - _SHOWN} more clusters" if len(names) > _SHOWN else "")
