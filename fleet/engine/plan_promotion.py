"""What a promotion, release or rollback would do: facts in, one plan out. Pure.

The plan is made once. The dry run, the question, the commit, the pull request and the executor read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from fleet.engine.grouping import compare_targets, group_targets
from fleet.engine.objects import OwnedObjects, canonical, set_digest
from fleet.engine.values import split
from fleet.engine.versions import older
from fleet.model.change import ChangeKind, ObjectChange
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.promotion import AppCommit, PromotionKind, PromotionPlan, TargetGroup, ValueMove
from fleet.model.release import Release

_BRANCHES = {
    PromotionKind.RELEASE: "release",
    PromotionKind.PROMOTION: "promote",
    PromotionKind.HOTFIX: "promote",  # the same branch: an app has one way into an environment at a time
    PromotionKind.ROLLBACK: "rollback",
}


@dataclass(frozen=True)
class Facts:
    """Everything that a plan depends on."""

    kind: PromotionKind
    app: str
    environment: str
    base: str
    """Commit of the protected branch."""
    before: Release | None
    after: Release
    content: str
    """The pin file as it will be."""
    source: str | None = None
    direct: bool = False
    protected: str = "main"
    """Name of the protected branch."""
    objects_before: Mapping[Target, Sequence[Manifest]] = field(default_factory=dict)
    """Rendered objects of the targets as they are now; a target that nothing runs on is missing."""
    objects_after: Mapping[Target, Sequence[Manifest]] = field(default_factory=dict)
    unknown_before: Sequence[Target] = ()
    """Targets whose present release cannot be rendered."""
    gates: Sequence[GateResult] = ()
    commits: Sequence[AppCommit] = ()
    backwards: bool = False
    migrations: Sequence[str] = ()
    """Migrations that run with it, each as a sentence."""
    also_set: Sequence[str] = ()
    """Promoted values that the environment sets too, each as a sentence."""
    values: Sequence[ValueMove] = ()
    """What becomes of the values that differ between source and environment."""
    source_release: Release | None = None
    """The release as the source has it."""
    distance: str = ""
    next_environments: Sequence[str] = ()
    skipped: Sequence[str] = ()
    """Environments that a hotfix passes over."""


def plan_promotion(facts: Facts) -> PromotionPlan:
    """Return the plan. The same facts give the same plan, to the byte."""
    groups = group_targets(compare_targets(facts.objects_before, facts.objects_after))
    return PromotionPlan(
        kind=facts.kind,
        app=facts.app,
        source=facts.source,
        environment=facts.environment,
        base=facts.base,
        before=facts.before,
        after=facts.after,
        pin_path=pin_path(facts.environment, facts.app),
        content=facts.content,
        branch=facts.protected if facts.direct else branch_name(facts.kind, facts.environment, facts.app),
        direct=facts.direct,
        title=title(facts.kind, facts.app, facts.environment, facts.after),
        gates=tuple(facts.gates),
        groups=groups,
        commits=tuple(facts.commits),
        backwards=facts.backwards,
        warnings=tuple(dict.fromkeys(_warnings(facts, groups))),
        distance=facts.distance,
        next_environments=tuple(facts.next_environments),
        digest=plan_digest(facts),
        values=tuple(facts.values),
        source_release=_source_release(facts),
    )


def pin_path(environment: str, app: str) -> str:
    """Return the path of the one file that a promotion changes."""
    return f"environments/{environment}/apps/{app}.yaml"


def branch_name(kind: PromotionKind, environment: str, app: str) -> str:
    """Return the branch of a promotion: a function of what it is about, so that there is one of it."""
    return f"fleet/{_BRANCHES[kind]}/{environment}/{app}"


def train_branch(environment: str) -> str:
    """Return the branch of the train into an environment: all apps that move together, as one pull request."""
    return f"fleet/train/{environment}"


def title(kind: PromotionKind, app: str, environment: str, release: Release) -> str:
    """Return the title of the pull request, which is the subject of the commit too."""
    if kind is PromotionKind.ROLLBACK:
        return f"Roll back {app} to {release.version} in {environment}"
    verb = {PromotionKind.RELEASE: "Release", PromotionKind.HOTFIX: "Hotfix"}.get(kind, "Promote")
    return f"{verb} {app} {release.version} to {environment}"


def plan_digest(facts: Facts) -> str:
    """Return the plan hash: what moves, and what each target will be. SHA-256 in hex.

    It does not depend on the commit that the plan was made against: a branch whose plan is still the same needs no
    new commit, and keeps its approvals, however far the protected branch has moved on.
    """
    digests: dict[int, str] = {}
    targets = {}
    for target, manifests in facts.objects_after.items():
        rendered = manifests.rendered if isinstance(manifests, OwnedObjects) else manifests
        if id(rendered) not in digests:
            digests[id(rendered)] = set_digest(rendered)
        targets[str(target.stack)] = digests[id(rendered)]
    releases = [None if r is None else r.model_dump(mode="json") for r in (facts.before, facts.after)]
    merged = _source_release(facts)
    if merged is not None:
        releases.append(merged.model_dump(mode="json"))
    return sha256(canonical([facts.kind.value, facts.app, facts.environment, releases, targets])).hexdigest()


def _source_release(facts: Facts) -> Release | None:
    """Return the release of the source if something else comes of it here."""
    return facts.source_release if facts.source_release != facts.after else None


def also_set_by_environment(fleet: Fleet, environment: str, app: str, release: Release) -> tuple[str, ...]:
    """Return a sentence for each value of a release that the environment sets too; the release's wins."""
    place = fleet.environments[environment]
    pin = place.pins.get(app)
    layers = [(f"environment {environment}", place.spec.values)]
    layers += [(f"cluster {name}", fleet.clusters[name].values) for name in place.clusters]
    if pin is not None:
        layers.append((f"pin {environment}/{app}", pin.values))
    return tuple(
        f"`{path}` comes with the release; what {source} sets for it has no effect"
        for path in sorted(release.values)
        for source, values in layers
        if _holds(values, path)
    )


def cannot_be_undone(groups: Iterable[TargetGroup]) -> tuple[str, ...]:
    """Return what going back from these changes, or making them to go back, does not bring back; each once."""
    found: dict[str, None] = {}
    for group in groups:
        for change in group.changes.objects:
            text = _lasting(change)
            if text:
                found[f"`{change.ref}`: {text}"] = None
    return tuple(found)


def risks(groups: Iterable[TargetGroup]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each risk with the objects that carry it; the most frequent first."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for change in group.changes.objects:
            for risk in change.risks:
                found.setdefault(risk, {})[str(change.ref)] = None
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple((risk, tuple(refs)) for risk, refs in ordered)


def _lasting(change: ObjectChange) -> str:
    """Return what stays of a change when the objects go back; empty for what goes back entirely."""
    kind, removed = change.ref.kind, change.kind is ChangeKind.REMOVED
    if kind == "CustomResourceDefinition":
        return "its objects are deleted with it" if removed else "objects that are stored in a newer version stay so"
    if kind == "PersistentVolumeClaim":
        return "its data is lost" if removed else "its data stays as the other release left it"
    if kind == "Job":
        return "what the job did (a migration, for example) stays done"
    if kind == "StatefulSet" and change.kind is not ChangeKind.ADDED:
        return "its volumes keep the data that the other release wrote"
    if kind == "Namespace" and removed:
        return "everything in it is deleted"
    return ""


def _warnings(facts: Facts, groups: Sequence[TargetGroup]) -> Iterable[str]:
    if facts.unknown_before:
        names = ", ".join(f"`{t.cluster}`" for t in facts.unknown_before[:5])
        yield f"the present release cannot be rendered for {names}: every object is shown as added"
    if facts.before is not None and facts.kind is not PromotionKind.ROLLBACK:
        if older(facts.after.version, facts.before.version):
            yield f"{facts.after.version} is older than {facts.before.version}, which is there now"
        elif facts.backwards:
            yield f"revision {facts.after.revision[:7]} is older than {facts.before.revision[:7]}, which is there now"
    if facts.kind is PromotionKind.ROLLBACK:
        yield from (f"cannot be undone: {text}" for text in cannot_be_undone(groups))
    for name in facts.skipped:
        yield f"`{name}` is passed over: promote the release there too, or the next promotion would undo it"
    yield from facts.migrations
    yield from facts.also_set
    if facts.objects_after and not any(facts.objects_after.values()):
        yield "the release renders no object at all"


def _holds(values: Mapping[str, object], path: str) -> bool:
    current: object = values
    for step in split(path):
        if not isinstance(current, Mapping) or step not in current:
            return False
        current = current[step]
    return True
