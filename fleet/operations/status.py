"""What runs where, how well, and what is on its way. Read-only; what cannot be asked is shown as unknown, with why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from fleet.engine.drift import Conceal, Drift, drift_of
from fleet.engine.restricting import restricted_by
from fleet.engine.selection import Selection, select
from fleet.errors import FleetError, UnreachableError
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.release import Release
from fleet.model.restriction import Restrictions
from fleet.model.state import DesiredState, RecordedState
from fleet.model.status import AppStatus, ClusterStatus, FleetStatus, PullRequestBrief, TargetStatus
from fleet.operations.common.desired import DesiredTargets, desired_states
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observe import Observation, observe
from fleet.ports.clock import Clock
from fleet.ports.cluster import Clusters
from fleet.ports.config import FleetLoader
from fleet.ports.forge import ForgeReader
from fleet.ports.renderer import Renderer
from fleet.ports.repository import RepositoryReader
from fleet.ports.restrictions import RestrictionReader
from fleet.ports.store import RecordReader
from fleet.ports.tree import Tree

_BRANCH = re.compile(r"fleet/(?:promote|release|rollback)/(?P<environment>[^/]+)/(?P<app>[^/]+)", re.ASCII)
"""Branches of promotions name the pin that they change."""


def find_status(
    selection: Selection,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    clusters: Clusters,
    store: RecordReader,
    forge: ForgeReader,
    restrictions: RestrictionReader,
    clock: Clock,
    branch: str,
    conceal: Conceal,
) -> FleetStatus:
    """Return the state of the selected targets.

    Raises:
        ConfigError: the fleet cannot be loaded.
        UsageError: the selection names something that is not there.
    """
    fleet, tree, stale = _load(repository, loader, branch)
    targets = select(fleet, selection)
    with ThreadPoolExecutor(2, thread_name_prefix="forge") as pool:
        asked = pool.submit(_pull_requests, forge)
        restricting = pool.submit(_restrictions, restrictions)
        states = desired_states(fleet, targets, tree=tree, repository=repository, loader=loader, renderer=renderer)
        recorded = store.recorded(targets)
        observation = observe(fleet, states.states, clusters=clusters, recorded=recorded)
        pull_requests, warnings = asked.result()
        restricted, more_warnings = restricting.result()
    drifts = {
        t: drift_of(recorded[t], live, conceal, fleet.name) for t, live in observation.live.items() if t in recorded
    }
    rows = [_target_status(fleet, t, states, observation, recorded.get(t), drifts.get(t)) for t in targets]
    now = clock.now()
    return FleetStatus(
        revision=fleet.revision,
        origin=fleet.origin,
        apps=tuple(_restricted(row, restricted, fleet, now) for row in _app_rows(fleet, rows, pull_requests)),
        clusters=tuple(_cluster_rows(rows, observation)),
        unreachable=dict(sorted(observation.unreachable.items())),
        warnings=(*stale, *warnings, *more_warnings),
    )


def _load(repository: RepositoryReader, loader: FleetLoader, branch: str) -> tuple[Fleet, Tree, tuple[str, ...]]:
    """Return the fleet; as it was last fetched, with a warning, where the remote cannot be reached."""
    try:
        return *load_fleet(repository, loader, branch), ()
    except UnreachableError as error:
        found = load_fleet(repository, loader, branch, fetch=False)
        return *found, (f"this is {found[0].origin} as last fetched: {error.message}",)


def _pull_requests(forge: ForgeReader) -> tuple[dict[tuple[str, str], list[PullRequestBrief]], tuple[str, ...]]:
    """Return open pull requests by environment and app; a forge that does not answer costs a warning only."""
    found: dict[tuple[str, str], list[PullRequestBrief]] = {}
    try:
        opened = forge.list()
    except FleetError as error:
        return {}, (f"open pull requests are not known: {error.message}",)
    for request in opened:
        match = _BRANCH.fullmatch(request.branch)
        if match:
            brief = PullRequestBrief(
                number=request.number,
                title=request.title,
                environment=match["environment"],
                app=match["app"],
                url=request.url,
            )
            found.setdefault((brief.environment, brief.app), []).append(brief)
    return found, ()


def _restrictions(reader: RestrictionReader) -> tuple[Restrictions, tuple[str, ...]]:
    """Return locks and holds; that they cannot be read costs a warning only: nothing is promoted meanwhile."""
    try:
        return reader.read(), ()
    except FleetError as error:
        return Restrictions(), (f"locks and holds are not known: {error.message}",)


def _restricted(row: AppStatus, known: Restrictions, fleet: Fleet, now: datetime) -> AppStatus:
    """Return a row with what keeps promotions of it out."""
    if not (known.locks or known.holds):
        return row
    words = restricted_by(known, fleet, row.app, row.environment, now)
    return row.model_copy(update={"restrictions": words})


def _target_status(
    fleet: Fleet,
    target: Target,
    states: DesiredTargets,
    observation: Observation,
    record: RecordedState | None,
    drift: Drift | None,
) -> TargetStatus:
    desired = states.states.get(target)
    health = observation.health.get(target)
    reason = health.reason if health else ""
    if target.cluster in observation.unreachable:
        reason = observation.unreachable[target.cluster]
    elif desired is None:
        problems = states.problems.get(target, ())
        reason = problems[0].message if problems else "nothing was released here yet"
    exact = health is not None and health.exact
    return TargetStatus(
        target=target,
        wave=fleet.environments[target.environment].wave_of(target.cluster).name,
        desired=_declared_release(fleet, target, desired),
        running=_running(desired, exact, record, drift),
        exact=exact,
        health=health.status if health else HealthStatus.UNKNOWN,
        reason=reason,
        drifted=None if drift is None or drift.superseded else len(drift.changes.objects),
    )


def _declared_release(fleet: Fleet, target: Target, desired: DesiredState | None) -> Release | None:
    if desired is not None:
        return desired.release
    return fleet.environments[target.environment].pins[target.app].release


def _running(
    desired: DesiredState | None, exact: bool, record: RecordedState | None, drift: Drift | None
) -> Release | None:
    """Return the release that is live, as far as anybody can say: the record may be out of date."""
    if desired is not None and exact:
        return desired.release
    if record is None or (drift is not None and drift.superseded):
        return None
    return record.release


def _app_rows(
    fleet: Fleet, rows: Iterable[TargetStatus], pull_requests: Mapping[tuple[str, str], list[PullRequestBrief]]
) -> Iterable[AppStatus]:
    grouped: dict[tuple[str, str], list[TargetStatus]] = {}
    for row in rows:
        grouped.setdefault((row.target.environment, row.target.app), []).append(row)
    position = {name: number for number, name in enumerate(fleet.environments)}
    for environment, app in sorted(grouped, key=lambda key: (position[key[0]], key[1])):
        members = grouped[environment, app]
        yield AppStatus(
            environment=environment,
            app=app,
            release=members[0].desired,
            targets=tuple(members),
            pull_requests=tuple(pull_requests.get((environment, app), ())),
        )


def _cluster_rows(rows: Iterable[TargetStatus], observation: Observation) -> Iterable[ClusterStatus]:
    grouped: dict[str, list[TargetStatus]] = {}
    for row in rows:
        grouped.setdefault(row.target.cluster, []).append(row)
    for cluster, members in grouped.items():
        first = members[0]
        yield ClusterStatus(
            name=cluster,
            environment=first.target.environment,
            wave=first.wave,
            reachable=cluster not in observation.unreachable,
            reason=observation.unreachable.get(cluster, ""),
            apps=len(members),
            healthy=sum(1 for m in members if m.exact and m.health is HealthStatus.HEALTHY),
        )
