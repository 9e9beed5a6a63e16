"""Rules that hold for the comparison of any two sets of objects."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.compare import compare, equal, without_noise
from fleet.engine.redact import mask_changes, mask_manifest
from fleet.model.change import ChangeKind
from fleet.model.objects import ObjectRef

KEYS = st.sampled_from(["name", "image", "env", "containers", "ports", "a.b/c", "x"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "b"]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def objects(kinds: tuple[str, ...] = ("ConfigMap", "Deployment", "Secret")) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda kind, name, body: {
            **body,
            "apiVersion": "apps/v1" if kind == "Deployment" else "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "shop"},
        },
        st.sampled_from(kinds),
        st.sampled_from(["a", "b", "c"]),
        st.dictionaries(st.sampled_from(["spec", "data", "stringData", "type"]), VALUES, max_size=3),
    )


SETS = st.lists(objects(), max_size=4, unique_by=lambda m: ObjectRef.of(m).identity)


@given(SETS)
def test_nothing_differs_from_itself(manifests: list[dict[str, Any]]) -> None:
    copy = json.loads(json.dumps(manifests))
    assert compare(manifests, copy).empty


@given(SETS, SETS, st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_matter(old: list[Any], new: list[Any], random: Any) -> None:
    shuffled_old, shuffled_new = random.sample(old, len(old)), random.sample(new, len(new))
    assert compare(old, new) == compare(shuffled_old, shuffled_new)


@given(SETS, SETS)
def test_added_one_way_is_removed_the_other_way(old: list[Any], new: list[Any]) -> None:
    there, back = compare(old, new), compare(new, old)
    opposite = {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED}
    for one, other in zip(there.objects, back.objects, strict=True):
        assert one.ref.identity == other.ref.identity
        assert other.kind == opposite.get(one.kind, one.kind)
        paths = {(f.path, opposite.get(f.kind, f.kind)) for f in one.fields}
        assert paths == {(f.path, f.kind) for f in other.fields}


@given(objects(), objects())
def test_objects_differ_exactly_if_a_field_is_found(old: dict[str, Any], new: dict[str, Any]) -> None:
    new = {**new, "metadata": old["metadata"], "kind": old["kind"], "apiVersion": old["apiVersion"]}
    assert compare([old], [new]).empty == equal(without_noise(old), without_noise(new))


CANARIES = st.text("abcdefghijklmnop", min_size=12, max_size=16)
LEAVES = st.recursive(CANARIES, lambda inner: st.lists(inner, min_size=1, max_size=2), max_leaves=3)


def leaves(value: Any) -> list[str]:
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


@given(st.dictionaries(KEYS, LEAVES, max_size=3), st.dictionaries(KEYS, LEAVES, max_size=3), st.booleans())
def test_no_secret_value_survives_in_a_report(old: dict[str, Any], new: dict[str, Any], listed: bool) -> None:
    def manifest(data: dict[str, Any]) -> dict[str, Any]:
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(data)}
        metadata = {"name": "s", "namespace": "n", "annotations": annotations}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data, "stringData": data}

    before, after = manifest(old), manifest(new)
    whole: Any = {"apiVersion": "v1", "kind": "List", "items": [after]} if listed else after
    text = (
        compare([before], [after]).model_dump_json()
        + mask_changes(compare([before], [after], show_secrets=True)).model_dump_json()
        + json.dumps(mask_manifest(whole))
    )
    for value in (*old.values(), *new.values()):
        for leaf in leaves(value):
            assert leaf not in text
