"""Three-way merge of the values of a release."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.merging import Takes, merge_values
from fleet.model.promotion import ValueDecision, ValueSide

M, K, C = ValueDecision.MOVED, ValueDecision.KEPT, ValueDecision.CONFLICT
OURS, THEIRS = ValueSide.OURS, ValueSide.THEIRS


def merge(base: Any, ours: Any, theirs: Any, promotable: tuple[str, ...] = ("a", "b"), **takes: Any) -> Any:
    found = merge_values(base, ours, theirs, promotable, Takes(**takes))
    return found.values, {move.path: move.decision for move in found.moves}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "values", "decisions"),
    [
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, {"a": M}),
        ({"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}, {"a": K}),
        ({"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}, {}),
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}, {"a": C}),
        ({}, {}, {"a": 1}, {"a": 1}, {"a": M}),
        ({"a": 1}, {"a": 1}, {}, {}, {"a": M}),
        ({"a": 1}, {}, {"a": 1}, {}, {"a": K}),
        ({"a": 1}, {}, {"a": 2}, {}, {"a": C}),
        ({}, {"a": 1}, {"a": 2}, {"a": 1}, {"a": C}),
        ({"a": 1}, {"a": 1}, {"a": None}, {"a": None}, {"a": M}),
        ({"a": 1}, {"a": True}, {"a": 1}, {"a": True}, {"a": K}),
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}, {"a": K, "b": M}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [3]}, {"a": [1, 2]}, {"a": C}),
    ],
)
def test_the_rules(base: Any, ours: Any, theirs: Any, values: Any, decisions: Any) -> None:
    assert merge(base, ours, theirs) == (values, decisions)


def test_leaves_of_a_mapping_are_merged_each_for_itself() -> None:
    values, decisions = merge({"a": {"x": 1, "y": 1}}, {"a.x": 2, "a.y": 1}, {"a": {"x": 1, "y": 2}})
    assert values == {"a.x": 2, "a.y": 2}
    assert decisions == {"a.x": K, "a.y": M}


def test_a_leaf_against_a_mapping_is_one_value() -> None:
    assert merge({"a": 1}, {"a.x": 2}, {"a": 3}) == ({"a.x": 2}, {"a": C})


def test_what_means_the_same_keeps_the_form_of_the_source() -> None:
    assert merge({}, {"a.x": 1}, {"a": {"x": 1}}) == ({"a": {"x": 1}}, {})


def test_what_is_not_promotable_neither_moves_nor_stays() -> None:
    values, decisions = merge({}, {"here": 1, "both": 1}, {"there": 2, "both": 1})
    assert values == {}
    dropped, left = ValueDecision.DROPPED, ValueDecision.LEFT
    assert decisions == {"both": dropped, "here": dropped, "there": left}


@pytest.mark.parametrize(
    ("takes", "values", "decisions"),
    [
        ({"conflicts": THEIRS}, {"a": 3, "b": 2}, {"a": M, "b": K}),
        ({"conflicts": OURS}, {"a": 2, "b": 2}, {"a": K, "b": K}),
        ({"paths": {"a": THEIRS}}, {"a": 3, "b": 2}, {"a": M, "b": K}),
        ({"paths": {"b": THEIRS}}, {"a": 2, "b": 1}, {"a": C, "b": M}),
        ({"conflicts": THEIRS, "paths": {"a": OURS}}, {"a": 2, "b": 2}, {"a": K, "b": K}),
    ],
)
def test_a_person_chooses(takes: Any, values: Any, decisions: Any) -> None:
    assert merge({"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": 1}, **takes) == (values, decisions)


def test_secrets_are_masked_and_move_all_the_same() -> None:
    found = merge_values({}, {"db.password": "old"}, {"db.password": "new"}, ("db",), Takes(ValueSide.THEIRS))
    assert found.values == {"db.password": "new"}
    assert "old" not in repr(found.moves)
    assert "new" not in repr(found.moves)
