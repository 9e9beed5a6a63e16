"""Targets that change in the same way are one group."""

from __future__ import annotations

from fleet.engine.grouping import compare_targets, group_targets
from fleet.engine.objects import OwnedObjects, object_digest, ownership
from fleet.model.change import ChangeSet
from fleet.model.names import Target
from fleet.model.objects import Manifest
from tests.helpers.manifests import config_map, deployment

OLD: tuple[Manifest, ...] = (deployment(image="a"),)
NEW: tuple[Manifest, ...] = (deployment(image="b"),)


def owned(target: Target, rendered: tuple[Manifest, ...]) -> OwnedObjects:
    return OwnedObjects(rendered, tuple(map(object_digest, rendered)), ownership("shop", target))


def test_identical_changes_form_the_largest_group_and_come_first() -> None:
    targets = [Target("web", "prod", f"c{n}") for n in range(5)]
    before = {t: owned(t, OLD) for t in targets}
    after = {t: owned(t, NEW) for t in targets[:3]}
    after[targets[3]] = owned(targets[3], (deployment(image="c"),))
    after[targets[4]] = owned(targets[4], OLD)
    groups = group_targets(compare_targets(before, after))
    assert [[t.cluster for t in g.targets] for g in groups] == [["c0", "c1", "c2"], ["c3"], ["c4"]]
    assert groups[-1].changes == ChangeSet()


def test_targets_with_shared_objects_are_compared_once() -> None:
    one, two = Target("web", "prod", "a"), Target("web", "prod", "b")
    changes = compare_targets(
        {one: owned(one, OLD), two: owned(two, OLD)}, {one: owned(one, NEW), two: owned(two, NEW)}
    )
    assert changes[one] is changes[two]


def test_a_target_of_one_side_only_is_added_or_removed_as_a_whole() -> None:
    target = Target("web", "prod", "a")
    added = compare_targets({}, {target: (config_map(),)})[target]
    removed = compare_targets({target: (config_map(),)}, {})[target]
    assert [c.kind.value for c in (*added.objects, *removed.objects)] == ["added", "removed"]


def test_nothing_to_group() -> None:
    assert group_targets({}) == ()
