from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.values import covers, expand, join, lookup, merge, origin_of, origins, split
from fleet.model.provenance import ValueLayer


def layer(source: str, **values: Any) -> ValueLayer:
    return ValueLayer(source, f"{source}.yaml", values, {})


def test_mappings_merge_and_everything_else_is_replaced() -> None:
    app = {"a": {"x": 1, "y": 2}, "list": [1, 2], "b": 1}
    assert merge(app, {"a": {"y": 3}, "list": [3], "b": {"c": 1}}) == {
        "a": {"x": 1, "y": 3},
        "list": [3],
        "b": {"c": 1},
    }
    assert app == {"a": {"x": 1, "y": 2}, "list": [1, 2], "b": 1}


def test_null_removes_a_key() -> None:
    assert merge({"a": 1, "b": {"c": 1, "d": 2}}, {"a": None, "b": {"c": None}, "e": None}) == {"b": {"d": 2}}


def test_a_removed_value_can_be_set_again() -> None:
    assert merge({"a": 1}, {"a": None}, {"a": 2}) == {"a": 2}


def test_dotted_paths_escape_dots_in_keys() -> None:
    assert join(("a", "kubernetes.io/role")) == "a.kubernetes\\.io/role"
    assert split("a.kubernetes\\.io/role") == ("a", "kubernetes.io/role")


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a\\", "a\\b"])
def test_what_is_no_dotted_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a dotted path"):
        split(path)


def test_releases_hold_values_by_dotted_path() -> None:
    assert expand({"a.b": 1, "a.c": 2, "d": [1]}) == {"a": {"b": 1, "c": 2}, "d": [1]}


@pytest.mark.parametrize("dotted", [{"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}, {"a": {"b": 1}, "a.b": 2}])
def test_overlapping_paths_are_refused(dotted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is set"):
        expand(dotted)


def test_a_declared_path_covers_what_is_inside() -> None:
    assert covers(["a.b"], "a.b")
    assert covers(["a.b"], "a.b.c")
    assert not covers(["a.b"], "a")
    assert not covers(["a.b"], "a.bc")


def test_looking_up_a_value() -> None:
    assert lookup({"a": {"b": 1}}, "a.b") == 1
    assert lookup({"a": 1}, "a.b", "none") == "none"


def test_each_value_names_its_layer_and_what_it_hides() -> None:
    found = origins([layer("app", a=1, b={"c": 1}), layer("env", a=2, b={"d": 2}), layer("pin", a=3)])
    assert [(o.path, o.value, o.source, [(h.value, h.source) for h in o.hidden]) for o in found] == [
        ("a", 3, "pin", [(2, "env"), (1, "app")]),
        ("b.c", 1, "app", []),
        ("b.d", 2, "env", []),
    ]


def test_a_value_hides_the_mapping_that_it_replaces_and_the_other_way_round() -> None:
    (over,) = origins([layer("app", a={"b": 1, "c": 2}), layer("env", a=0)])
    assert [(h.path, h.value) for h in over.hidden] == [("a.b", 1), ("a.c", 2)]
    under = origins([layer("app", a=0), layer("env", a={"b": 1, "c": 2})])
    assert [(o.path, [(h.path, h.value) for h in o.hidden]) for o in under] == [
        ("a.b", [("a", 0)]),
        ("a.c", [("a", 0)]),
    ]


def test_a_removal_is_told_too() -> None:
    (origin,) = origins([layer("app", a=1), layer("env", a=None)])
    assert (origin.value, origin.source, origin.hidden[0].value) == (None, "env", 1)


def test_origins_of_a_part() -> None:
    layers = [layer("app", a={"b": 1, "c": 2}, ab=3)]
    assert [o.path for o in origin_of(layers, "a")] == ["a.b", "a.c"]
