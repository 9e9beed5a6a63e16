"""What a reconcile does with each target, and why. Pure: facts in, plan out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleet.errors import Problem
from fleet.model.change import ChangeKind, ChangeSet
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.names import Target
from fleet.model.reconcile import Action, PlannedTarget, ReconcilePlan
from fleet.model.release import Release
from fleet.model.state import DesiredState, RecordedState

UNFINISHED = ""
"""Recorded digest of a target whose last apply failed half-way: equal to no desired digest."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target stands in its environment: the name of its wave."""

    target: Target
    wave: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the plan depends on. Targets without an entry in a mapping have nothing to tell there."""

    targets: Sequence[Place]
    """Selected, declared targets in environment, wave, cluster and app order."""
    desired: Mapping[Target, DesiredState] = field(default_factory=dict)
    problems: Mapping[Target, Sequence[Problem]] = field(default_factory=dict)
    """Why a target cannot be rendered."""
    digests: Mapping[Target, str] = field(default_factory=dict)
    """Recorded digests."""
    recorded: Mapping[Target, RecordedState] = field(default_factory=dict)
    """Records, at least of targets whose recorded digest differs from the desired one."""
    drift: Mapping[Target, ChangeSet] = field(default_factory=dict)
    superseded: frozenset[Target] = frozenset()
    """Targets that a fleet with another local store applied since they were recorded here."""
    health: Mapping[Target, TargetHealth] = field(default_factory=dict)
    """Health of desired objects, as observed."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Reason for each cluster that could not be asked."""
    stale: Sequence[Target] = ()
    """Selected targets with a record or a stack that are not declared any more."""
    clusters: frozenset[str] = frozenset()
    """Declared clusters."""
    kept: Mapping[Target, int] = field(default_factory=dict)
    """How many objects an apply would delete, where that was forbidden."""


def plan_reconcile(revision: str, facts: Facts, *, remove: bool) -> ReconcilePlan:
    """Return the plan over all selected targets.

    Args:
        revision: commit that the desired state was read at.
        facts: what is known.
        remove: whether targets that are not declared any more are removed, or only listed.
    """
    planned = [_plan_target(place, facts) for place in facts.targets]
    planned += [_plan_stale(target, facts, remove) for target in sorted(facts.stale)]
    return ReconcilePlan(revision=revision, targets=tuple(planned))


def _plan_target(place: Place, facts: Facts) -> PlannedTarget:
    target = place.target
    problems = tuple(facts.problems.get(target, ()))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return PlannedTarget(
            target=target,
            wave=place.wave,
            action=Action.REFUSE,
            reason=f"{problems[0].message}{more}",
            problems=problems,
            hint="run `fleet validate`, and mend what it finds",
        )
    desired = facts.desired.get(target)
    if desired is None:
        return PlannedTarget(
            target=target,
            wave=place.wave,
            action=Action.LEAVE,
            reason="nothing was released here yet",
        )
    if target.cluster in facts.unreachable:
        return PlannedTarget(
            target=target,
            wave=place.wave,
            action=Action.REFUSE,
            reason=facts.unreachable[target.cluster],
            release=desired.release,
            unreachable=True,
            hint=catch_up(target),
        )
    action, reason, gated = _decide(desired, facts)
    if action is Action.APPLY and facts.kept.get(target):
        return PlannedTarget(
            target=target,
            wave=place.wave,
            action=Action.REFUSE,
            reason=f"it would delete {_objects(facts.kept[target])}, and --no-prune was given",
            release=desired.release,
            hint=f"see which: `fleet diff -a {target.app} -c {target.cluster}`; then run without `--no-prune`",
        )
    return PlannedTarget(
        target=target, wave=place.wave, action=action, reason=reason, release=desired.release, gated=gated
    )


def _decide(desired: DesiredState, facts: Facts) -> tuple[Action, str, bool]:
    """Return action, reason, and whether the target waits for earlier waves."""
    target = desired.target
    recorded_digest = facts.digests.get(target)
    if recorded_digest != desired.digest:
        return Action.APPLY, _why_apply(desired, recorded_digest, facts.recorded.get(target)), True
    if target in facts.superseded:
        return Action.APPLY, "applied from elsewhere since", False
    drift = facts.drift.get(target)
    if drift is not None and not drift.empty:
        return Action.APPLY, describe_drift(drift), False
    health = facts.health.get(target)
    if health is None or (health.status is HealthStatus.HEALTHY and health.exact):
        return Action.SKIP, "up to date", False
    if health.status is HealthStatus.PROGRESSING:
        return Action.AWAIT, f"up to date, not ready yet: {health.reason}", False
    return Action.AWAIT, f"up to date, but {health.status}: {health.reason}", False


def _why_apply(desired: DesiredState, recorded_digest: str | None, recorded: RecordedState | None) -> str:
    if recorded_digest is None:
        return "new"
    if recorded_digest == UNFINISHED:
        return "the last apply did not finish"
    if recorded is not None and recorded.release != desired.release:
        return describe_release_change(recorded.release, desired.release)
    return "values or templates changed"


def describe_release_change(before: Release, after: Release) -> str:
    """Return a change of release for people; versions if they differ, else short revisions."""
    if before.version != after.version:
        return f"release {before.version} → {after.version}"
    if before.revision != after.revision:
        return f"release {before.version}: revision {before.revision[:7]} → {after.revision[:7]}"
    return f"release {after.version}: images or values changed"


def describe_drift(drift: ChangeSet) -> str:
    """Return how many objects drifted, by class."""
    missing = drift.count(ChangeKind.MISSING)
    changed = len(drift.objects) - missing
    parts = []
    if changed:
        parts.append(f"{_objects(changed)} drifted")
    if missing:
        parts.append(f"{_objects(missing)} missing")
    return ", ".join(parts)


def _objects(number: int) -> str:
    return "1 object" if number == 1 else f"{number} objects"


def catch_up(target: Target) -> str:
    """Return what to do once an unreachable cluster is back."""
    return f"when the cluster is back: `fleet reconcile -c {target.cluster}`"


def _plan_stale(target: Target, facts: Facts, remove: bool) -> PlannedTarget:
    if target.cluster not in facts.clusters:
        return PlannedTarget(
            target=target,
            wave="",
            action=Action.LEAVE,
            reason=f"cluster `{target.cluster}` is not declared any more, so its objects are left alone",
        )
    if not remove:
        return PlannedTarget(
            target=target,
            wave="",
            action=Action.LEAVE,
            reason="not declared any more; its objects are still there",
            hint=f"remove them with `fleet reconcile -a {target.app} -c {target.cluster} --prune`",
        )
    if target.cluster in facts.unreachable:
        return PlannedTarget(
            target=target,
            wave="",
            action=Action.REFUSE,
            reason=facts.unreachable[target.cluster],
            unreachable=True,
            hint=catch_up(target),
        )
    return PlannedTarget(target=target, wave="", action=Action.REMOVE, reason="not declared any more")
