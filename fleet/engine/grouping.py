"""Groups targets whose objects change in the same way: "37 of 40 clusters identical, 3 differ"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.engine.compare import compare
from fleet.engine.objects import OwnedObjects
from fleet.model.change import ChangeSet
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.promotion import TargetGroup

_NOTHING = ChangeSet()


def compare_targets(
    before: Mapping[Target, Sequence[Manifest]],
    after: Mapping[Target, Sequence[Manifest]],
    *,
    show_secrets: bool = False,
) -> dict[Target, ChangeSet]:
    """Return how the objects of each target change; a target of one side only has all objects added or removed.

    Targets that share their rendered objects on both sides are compared once.
    """
    known: dict[tuple[int, int], ChangeSet] = {}
    result: dict[Target, ChangeSet] = {}
    for target in {**before, **after}:
        old, new = _rendered(before.get(target, ())), _rendered(after.get(target, ()))
        key = (id(old), id(new))
        if key not in known:
            known[key] = _NOTHING if old is new else compare(old, new, show_secrets=show_secrets)
        result[target] = known[key]
    return result


def group_targets(changes: Mapping[Target, ChangeSet]) -> tuple[TargetGroup, ...]:
    """Return targets with equal changes as groups: the largest first, targets without a change last.

    Ownership labels, which differ from cluster to cluster, are not part of a change set.
    """
    members: dict[str, list[Target]] = {}
    by_key: dict[str, ChangeSet] = {}
    keys: dict[int, str] = {}
    for target, change in changes.items():
        key = keys.get(id(change))
        if key is None:
            key = keys[id(change)] = change.model_dump_json()
        members.setdefault(key, []).append(target)
        by_key[key] = change
    groups = [TargetGroup(targets=tuple(sorted(members[key])), changes=by_key[key]) for key in members]
    return tuple(sorted(groups, key=lambda group: (group.changes.empty, -len(group.targets), group.targets[0])))


def _rendered(objects: Sequence[Manifest]) -> Sequence[Manifest]:
    return objects.rendered if isinstance(objects, OwnedObjects) else objects
