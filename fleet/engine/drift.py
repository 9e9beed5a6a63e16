"""Drift: what changed on a cluster since the last apply, behind our back.

Recorded is the API server's own answer at that apply, pruned to the fields that were asked for. Live is pruned in the
same way, so defaults, status and fields of controllers never show; what is left can only differ because somebody
changed a field that fleet had written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleet.engine.compare import changes_between, join
from fleet.engine.live import FieldOwner, managed_field_owners, owner_of_field, prune
from fleet.engine.objects import digest_of_live, ownership, removes_itself
from fleet.model.change import ChangeKind, ChangeSet, FieldChange, ObjectChange
from fleet.model.objects import DIGEST_ANNOTATION, FIELD_MANAGER, Manifest, ObjectRef
from fleet.model.state import RecordedObject, RecordedState

Identity = tuple[str, str, str, str]
Conceal = Callable[[Manifest], Manifest]
"""Returns an object with its Secret values replaced by keyed hashes; other objects as they are."""

_PLAIN_METADATA = frozenset({"name", "namespace", "labels", "annotations"})
_DIGEST_PATH = join("metadata.annotations", DIGEST_ANNOTATION)


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed on one target."""

    changes: ChangeSet = field(default_factory=ChangeSet)
    superseded: bool = False
    """A fleet with another record applied a release since: live is not ours to compare with any more."""


def recorded_object(ref: ObjectRef, inputs: Manifest, live: Manifest, conceal: Conceal) -> RecordedObject:
    """Return what is written down about an object after an apply; Secret values never are."""
    metadata = live.get("metadata") or {}
    return RecordedObject(
        ref,
        conceal(inputs),
        conceal(prune(live, inputs)),
        uid=metadata.get("uid") or "",
        resource_version=metadata.get("resourceVersion") or "",
        generation=metadata.get("generation"),
    )


def drift_of(record: RecordedState, live: Mapping[Identity, Manifest], conceal: Conceal, fleet_name: str) -> Drift:
    """Return what changed on a target since it was recorded.

    Args:
        record: what the last apply left.
        live: what is live of the target now, complete.
        conceal: replaces Secret values by keyed hashes, with the key that the record was made with.
        fleet_name: name of the fleet, for the ownership labels.
    """
    labels = ownership(fleet_name, record.target)
    changes = []
    for item in record.objects:
        present = live.get(item.ref.identity)
        if present is None and removes_itself(item.inputs):
            continue
        if present is None:
            changes.append(ObjectChange(ref=item.ref, kind=ChangeKind.MISSING))
            continue
        if _superseded(item, present):
            return Drift(superseded=True)
        fields = _object_drift(item, present, labels, conceal)
        if fields:
            changes.append(ObjectChange(ref=item.ref, kind=ChangeKind.CHANGED, fields=fields))
    return Drift(ChangeSet(objects=tuple(sorted(changes, key=lambda change: change.ref))))


def _superseded(item: RecordedObject, live: Manifest) -> bool:
    """Say whether fleet itself wrote another release onto the object; a person edits under another name."""
    digest = digest_of_live(live)
    if digest is None or digest == digest_of_live(item.inputs):
        return False
    owner = owner_of_field(managed_field_owners(live), _DIGEST_PATH)
    return owner is not None and owner.manager == FIELD_MANAGER


def _object_drift(
    item: RecordedObject, live: Manifest, labels: Mapping[str, str], conceal: Conceal
) -> tuple[FieldChange, ...]:
    if _untouched(item, live):
        return ()
    present = conceal(prune(live, item.inputs))
    if present == item.live:
        return ()
    if live.get("apiVersion") != item.ref.api_version:  # listed in another version: only its marks can be compared
        found: dict[str, FieldChange] = {}
    else:
        found = {change.path: change for change in changes_between(item.live, present)}
    found.update((change.path, change) for change in _lost_marks(item, live, labels))
    if not found:
        return ()
    owners = managed_field_owners(live)
    return tuple(_attributed(found[path], owner_of_field(owners, path)) for path in sorted(found))


def _untouched(item: RecordedObject, live: Manifest) -> bool:
    """Say whether nobody can have changed what fleet wrote, without comparing all of it.

    Either nobody wrote to the object at all since it was recorded, or only to its status and to metadata: the server
    counts ``generation`` up with every other change. That is believed of kinds whose controllers report the generation
    that they have seen; labels and annotations are looked at here.
    Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#metadata
    """
    metadata = live["metadata"]
    if not item.uid or not item.resource_version or metadata.get("uid") != item.uid:
        return False
    if metadata.get("resourceVersion") == item.resource_version:
        return True
    generation = metadata.get("generation")
    seen = (live.get("status") or {}).get("observedGeneration")
    if generation is None or not generation == item.generation == seen:
        return False
    declared = item.inputs["metadata"]
    if any(key not in _PLAIN_METADATA for key in declared):
        return False
    for name in ("labels", "annotations"):
        recorded, present = item.live["metadata"].get(name) or {}, metadata.get(name) or {}
        if any(present.get(key) != recorded.get(key) for key in declared.get(name) or ()):
            return False
    return True


def _lost_marks(item: RecordedObject, live: Manifest, labels: Mapping[str, str]) -> list[FieldChange]:
    """Return ownership labels and digest that are not as fleet wrote them; other comparisons hide these."""
    metadata = live["metadata"]
    found = _differences("metadata.labels", labels, metadata.get("labels") or {})
    digest = digest_of_live(item.inputs)
    if digest is not None:
        found += _differences("metadata.annotations", {DIGEST_ANNOTATION: digest}, metadata.get("annotations") or {})
    return found


def _differences(path: str, wanted: Mapping[str, str], present: Mapping[str, str]) -> list[FieldChange]:
    changes = []
    for key, value in wanted.items():
        now = present.get(key)
        if now != value:
            kind = ChangeKind.REMOVED if now is None else ChangeKind.CHANGED
            changes.append(FieldChange(path=join(path, key), kind=kind, old=value, new=now))
    return changes


def _attributed(change: FieldChange, owner: FieldOwner | None) -> FieldChange:
    """Return a change with who made it. Whoever removes a field leaves no trace in `managedFields`."""
    if owner is None or change.kind is ChangeKind.REMOVED:
        return change
    return change.model_copy(update={"manager": owner.manager or None, "time": owner.time or None})
