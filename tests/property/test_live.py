"""Rules of pruning that hold for any pair of objects."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.fingerprint import mask_secrets
from fleet.engine.live import managed_field_owners, owner_of_field, prune

names = st.sampled_from(["a", "b", "containers", "env", "ports", "name", "nodeSelector", "finalizers", "x.y/z"])
scalars = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "v", "TCP"])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, trees, max_size=4)


@st.composite
def fields(draw: st.DrawFn, tree: Any) -> dict[str, Any]:
    """Ownership of some part of a tree."""
    if isinstance(tree, dict) and draw(st.booleans()):
        owned = {f"f:{key}": draw(fields(item)) for key, item in tree.items() if draw(st.booleans())}
        return owned or {".": {}}
    if isinstance(tree, list) and draw(st.booleans()):
        return {f"k:{json.dumps({'name': item['name']})}": {".": {}} for item in tree if _named(item)}
    return {}


def _named(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)


@st.composite
def live_objects(draw: st.DrawFn) -> dict[str, Any]:
    tree = draw(objects)
    if draw(st.booleans()):
        entry = {"manager": "m", "fieldsV1": draw(fields(tree))}
        tree = {**tree, "metadata": {"managedFields": [entry]}}
    return tree


def _keys_within(pruned: Any, live: Any) -> bool:
    """Whether everything that is left was there before."""
    if isinstance(pruned, dict):
        return isinstance(live, dict) and all(k in live and _keys_within(v, live[k]) for k, v in pruned.items())
    if isinstance(pruned, list):
        return isinstance(live, list) and all(any(_keys_within(p, item) for item in live) for p in pruned)
    return bool(pruned == live)


@given(live_objects(), objects)
def test_pruning_invents_nothing(live: dict[str, Any], shape: dict[str, Any]) -> None:
    assert _keys_within(prune(live, shape), live)


@given(live_objects(), objects)
def test_pruning_twice_is_pruning_once(live: dict[str, Any], shape: dict[str, Any]) -> None:
    once = prune({k: v for k, v in live.items() if k != "metadata"}, shape)
    assert prune(once, shape) == once


@given(live_objects())
def test_an_object_pruned_to_itself_stays_as_it_is(live: dict[str, Any]) -> None:
    assert prune(live, live) == live


@given(live_objects(), objects, objects)
def test_what_others_add_beside_ours_does_not_show(
    live: dict[str, Any], shape: dict[str, Any], others: dict[str, Any]
) -> None:
    foreign = {f"foreign-{key}": value for key, value in others.items()}
    assert prune({**live, **foreign}, shape) == prune(live, shape)


@given(live_objects())
def test_every_owned_path_has_its_owner(live: dict[str, Any]) -> None:
    owners = managed_field_owners(live)
    for path, owner in owners.items():
        assert owner_of_field(owners, path) == owner
        assert owner_of_field(owners, f"{path}.deeper") is not None


@given(
    st.dictionaries(names, st.text(min_size=6, alphabet="GHJKLM"), max_size=4), st.sampled_from(["data", "stringData"])
)
def test_no_secret_value_survives(values: dict[str, str], section: str) -> None:
    masked = mask_secrets({"kind": "Secret", "metadata": {"name": "s"}, section: values}, b"k" * 16)
    assert set(masked[section]) == set(values)
    assert not any(value in str(masked) for value in values.values())
