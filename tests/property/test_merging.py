"""Laws of the three-way merge of values."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.merging import Takes, merge_values
from fleet.engine.objects import canonical
from fleet.engine.values import covers, expand
from fleet.model.promotion import ValueDecision, ValueSide

LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"]) | st.lists(st.integers(0, 1))
NAMES = st.sampled_from("abc")
NESTED = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=2), max_leaves=4)
PATHS = ("a", "b.a", "b.b", "b.c.a", "c", "free")
PROMOTABLE = ("a", "b", "c")
VALUES = st.dictionaries(st.sampled_from(PATHS), NESTED, max_size=5)
PROMOTED = VALUES.map(lambda values: {p: v for p, v in values.items() if covers(PROMOTABLE, p)})
SIDES = st.sampled_from(ValueSide)
TAKES = st.builds(Takes, st.none() | SIDES, st.dictionaries(st.sampled_from(PATHS), SIDES))


def merge(base: Any, ours: Any, theirs: Any, takes: Takes | None = None) -> Any:
    return merge_values(base, ours, theirs, PROMOTABLE, takes or Takes())


def meaning(values: Any) -> bytes:
    return canonical(expand(values))


@given(PROMOTED, PROMOTED)
def test_what_nobody_changed_here_becomes_what_the_source_has(base: Any, theirs: Any) -> None:
    found = merge(base, base, theirs)
    assert found.values == theirs
    assert not found.conflicts


@given(PROMOTED, PROMOTED)
def test_what_only_was_changed_here_stays(base: Any, ours: Any) -> None:
    found = merge(base, ours, base)
    assert meaning(found.values) == meaning(ours)
    assert not found.conflicts


@given(PROMOTED, PROMOTED, PROMOTED)
def test_conflicts_are_the_same_from_both_sides(base: Any, ours: Any, theirs: Any) -> None:
    here, there = merge(base, ours, theirs), merge(base, theirs, ours)
    assert [m.path for m in here.conflicts] == [m.path for m in there.conflicts]
    if not here.conflicts:
        assert meaning(here.values) == meaning(there.values)


@given(VALUES, VALUES, VALUES, TAKES)
def test_only_promotable_values_come_out_and_each_is_of_one_side(
    base: Any, ours: Any, theirs: Any, takes: Takes
) -> None:
    found = merge(base, ours, theirs, takes)
    assert all(covers(PROMOTABLE, path) for path in found.values)
    expand(found.values)  # no two overlap
    for move in found.moves:
        if move.decision is ValueDecision.MOVED:
            assert move.becomes == move.theirs


@given(VALUES, VALUES, VALUES, TAKES)
def test_the_same_promotion_again_changes_nothing(base: Any, ours: Any, theirs: Any, takes: Takes) -> None:
    """After it landed, what the source had is the base: nothing is in conflict and nothing changes."""
    first = merge(base, ours, theirs, takes)
    if first.conflicts:
        return
    again = merge(theirs, first.values, theirs)
    assert meaning(again.values) == meaning(first.values)
    assert not again.conflicts


@given(VALUES, VALUES, VALUES, st.sampled_from(ValueSide))
def test_a_side_for_all_conflicts_leaves_none(base: Any, ours: Any, theirs: Any, side: ValueSide) -> None:
    assert not merge(base, ours, theirs, Takes(side)).conflicts
