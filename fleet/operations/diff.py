"""Differences of targets: desired against live, as the API server itself would compute them (server-side dry run)."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fleet.engine.compare import compare_objects
from fleet.engine.immutable import forces_replacement
from fleet.engine.live import prune
from fleet.engine.objects import digest_of_live
from fleet.engine.selection import Selection, select
from fleet.errors import ClusterError, Problem, UnreachableError
from fleet.model.change import ChangeSet, ObjectChange
from fleet.model.drift import DiffReport, TargetDiff
from fleet.model.names import Target
from fleet.model.objects import FIELD_MANAGER, Manifest, ObjectRef
from fleet.model.state import DesiredState
from fleet.operations.common.desired import desired_states
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observe import Identity, Observation, observe
from fleet.ports.cluster import ClusterReader, Clusters
from fleet.ports.config import FleetLoader
from fleet.ports.renderer import Renderer
from fleet.ports.repository import RepositoryReader
from fleet.ports.store import RecordReader

_THREADS = 16
"""Dry runs at the same time, over all clusters."""

REPLACES = "replaces the object"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one desired object: a change, a problem, or neither where it is as it should be."""

    change: ObjectChange | None = None
    problem: Problem | None = None
    unreachable: str = ""


def find_differences(
    selection: Selection,
    *,
    revision: str | None,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    clusters: Clusters,
    store: RecordReader,
    branch: str,
) -> DiffReport:
    """Return what a reconcile of the selected targets would change.

    Raises:
        ConfigError: the fleet cannot be loaded.
        UsageError: the selection names something that is not there.
    """
    fleet, tree = load_fleet(repository, loader, branch, revision=revision)
    targets = select(fleet, selection)
    states = desired_states(fleet, targets, tree=tree, repository=repository, loader=loader, renderer=renderer)
    observation = observe(fleet, states.states, clusters=clusters, recorded=store.recorded(targets))
    unreachable = dict(observation.unreachable)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="dry-run") as pool:
        asked = {
            target: [
                pool.submit(_ask, clusters.reader(target.cluster, fleet.clusters[target.cluster]), manifest, live)
                for manifest in states.states[target].objects
            ]
            for target, live in observation.live.items()
            if target in states.states
        }
        answers = {target: [future.result() for future in futures] for target, futures in asked.items()}
    for target, found in answers.items():
        for answer in found:
            if answer.unreachable:
                unreachable.setdefault(target.cluster, answer.unreachable)
    return DiffReport(
        revision=fleet.revision,
        targets=tuple(
            _target_diff(t, states.states.get(t), tuple(states.problems.get(t, ())), observation, answers, unreachable)
            for t in targets
        ),
        unreachable=dict(sorted(unreachable.items())),
    )


def _target_diff(
    target: Target,
    desired: DesiredState | None,
    problems: tuple[Problem, ...],
    observation: Observation,
    answers: Mapping[Target, list[_Answer]],
    unreachable: Mapping[str, str],
) -> TargetDiff:
    if desired is None:
        return TargetDiff(target=target, problems=problems)
    if target.cluster in unreachable:
        return TargetDiff(target=target, release=desired.release, unreachable=True)
    found = answers[target]
    changes = [answer.change for answer in found if answer.change is not None]
    changes += _removed(desired, observation.live[target])
    return TargetDiff(
        target=target,
        release=desired.release,
        changes=ChangeSet(objects=tuple(sorted(changes, key=lambda change: change.ref))),
        unchanged=sum(1 for answer in found if answer.change is None and answer.problem is None),
        problems=tuple(answer.problem for answer in found if answer.problem is not None),
    )


def _removed(desired: DesiredState, live: Mapping[Identity, Manifest]) -> list[ObjectChange]:
    """Return the owned objects that desired state lacks.

    Only objects that fleet itself has written count: some controllers copy labels to objects of their own.
    """
    wanted = {ObjectRef.of(manifest).identity for manifest in desired.objects}
    found = []
    for identity, manifest in live.items():
        if identity in wanted or digest_of_live(manifest) is None or manifest["metadata"].get("ownerReferences"):
            continue
        change = compare_objects(manifest, None)
        if change is not None:
            found.append(change)
    return found


def _ask(reader: ClusterReader, manifest: Manifest, live: Mapping[Identity, Manifest]) -> _Answer:
    ref = ObjectRef.of(manifest)
    try:
        present = live.get(ref.identity) or reader.get(ref)  # it may be there without our labels
        return _dry_run(reader, manifest, present)
    except UnreachableError as error:
        return _Answer(unreachable=error.message)
    except ClusterError as error:
        return _Answer(problem=Problem(error.code, f"`{ref}`: {error.message}", hint="\n".join(error.hints) or None))


def _dry_run(reader: ClusterReader, manifest: Manifest, present: Manifest | None) -> _Answer:
    try:
        predicted = reader.dry_run(manifest, manager=FIELD_MANAGER, force=True)
    except ClusterError as error:
        if present is None and error.code == "FLT-CLU-404":  # its namespace or kind comes with the same apply
            return _Answer(compare_objects(None, manifest))
        if present is None or not forces_replacement(present, manifest):
            raise
        change = compare_objects(prune(present, manifest), manifest)
        return _Answer(_replacing(change) if change else None)
    if present is None:
        return _Answer(compare_objects(None, manifest))
    return _Answer(compare_objects(present, predicted))


def _replacing(change: ObjectChange) -> ObjectChange:
    return change.model_copy(update={"risks": tuple(dict.fromkeys((REPLACES, *change.risks)))})
