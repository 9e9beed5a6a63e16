from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.pipeline import waves
from fleet.engine.values import expand, join, leaves, lookup, merge, merged, origins, split
from fleet.model.declared import WaveSpec
from fleet.model.provenance import ValueLayer

_keys = st.sampled_from(["a", "b", "c.d", "e\\f"])
_scalars = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.lists(st.integers(0, 2), max_size=2))
_mappings = st.recursive(
    st.dictionaries(_keys, _scalars, max_size=3),
    lambda inner: st.dictionaries(_keys, _scalars | inner, max_size=3),
    max_leaves=8,
)
_shaped = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(),
        "l": st.lists(st.integers(), max_size=2),
        "m": st.fixed_dictionaries({}, optional={"x": st.integers(), "y": st.booleans()}),
    },
)
"""Values in which every key has the same shape in every layer."""


def _layers(contents: list[dict[str, Any]]) -> list[ValueLayer]:
    return [ValueLayer(f"layer {n}", f"{n}.yaml", values, {}) for n, values in enumerate(contents)]


@given(_shaped, _shaped, _shaped)
def test_merging_is_associative_while_keys_keep_their_shape(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merge(a, b, c)


@given(_mappings, _mappings)
def test_merging_a_layer_twice_changes_nothing_more(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert merge(a, b, b) == merge(a, b)


@given(_mappings, _mappings)
def test_arguments_are_left_alone(a: dict[str, Any], b: dict[str, Any]) -> None:
    before = (repr(a), repr(b))
    merge(a, b)
    assert (repr(a), repr(b)) == before


@given(st.lists(_mappings, max_size=5))
def test_every_merged_leaf_has_an_origin_with_its_value(contents: list[dict[str, Any]]) -> None:
    layers = _layers(contents)
    told = {origin.path: origin.value for origin in origins(layers)}
    held = {join(steps): value for steps, value in leaves(merged(layers)) if value != {}}
    assert {path: value for path, value in told.items() if value is not None and value != {}} == held


@given(st.lists(_mappings, max_size=5))
def test_an_origin_names_the_last_layer_that_sets_the_value(contents: list[dict[str, Any]]) -> None:
    layers = _layers(contents)
    missing = object()
    for origin in origins(layers):
        setting = [layer.source for layer in layers if lookup(layer.values, origin.path, missing) is not missing]
        assert origin.source in setting
        if origin.value != {}:
            assert origin.source == setting[-1] or lookup(layers[int(setting[-1][6:])].values, origin.path) == {}
        for hidden in origin.hidden:
            assert hidden.source < origin.source
            assert hidden.hidden == ()


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4))
def test_dotted_paths_are_reversible(steps: list[str]) -> None:
    assert split(join(steps)) == tuple(steps)


@given(_mappings)
def test_expanding_leaves_gives_the_mapping_back(values: dict[str, Any]) -> None:
    assert expand({join(steps): value for steps, value in leaves(values)}) == values


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.sampled_from(["eu", "us", "asia"]), max_size=6),
    st.lists(st.sampled_from(["eu", "us", "asia", "mars"]), max_size=4),
)
def test_each_cluster_is_in_exactly_one_wave(clusters: dict[str, str], regions: list[str]) -> None:
    declared = [
        WaveSpec.model_validate({"name": f"w{n}", "clusters": {"matchLabels": {"region": region}}})
        for n, region in enumerate(regions)
    ]
    found = waves(declared, list(clusters), {name: {"region": region} for name, region in clusters.items()})
    placed = [name for wave in found for name in wave.clusters]
    assert sorted(placed) == sorted(clusters)
    assert [wave.position for wave in found] == list(range(len(found)))
