"""Property values on the wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleet.adapters.pulumi.structs import UNKNOWNS, decode, encode, without_nulls

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=4)


@given(objects)
def test_plain_data_survives_the_wire(data: dict[str, object]) -> None:
    decoded = decode(encode(data))
    assert decoded.data == data
    assert not decoded.secrets
    assert not decoded.unknown


def test_whole_numbers_are_integers_again_and_others_stay() -> None:
    decoded = decode(encode({"replicas": 3.0, "ratio": 0.5}))
    assert decoded.data == {"replicas": 3, "ratio": 0.5}
    assert isinstance(decoded.data["replicas"], int)


def test_marked_places_come_back_as_secrets() -> None:
    data = {"data": {"k": "v"}, "list": [{"a": 1}, {"a": 2}]}
    places = {("data",), ("list", 1, "a")}
    decoded = decode(encode(data, places))
    assert decoded.data == data
    assert decoded.secrets == places


def test_marks_on_absent_places_are_ignored() -> None:
    assert decode(encode({"a": 1}, [("b",), ("a", "x"), ("a", 0)])).secrets == frozenset()


def test_a_mark_around_a_mark_keeps_the_data() -> None:
    decoded = decode(encode({"a": {"b": "c"}}, [("a",), ("a", "b")]))
    assert decoded.data == {"a": {"b": "c"}}
    assert ("a",) in decoded.secrets


def test_unknown_values_are_noticed() -> None:
    for sentinel in UNKNOWNS:
        decoded = decode(encode({"spec": {"name": sentinel}}))
        assert decoded.unknown
        assert decoded.data == {"spec": {"name": None}}


def test_keys_without_a_value_are_left_out() -> None:
    assert without_nulls({"a": None, "b": [{"c": None}, None], "d": {}}) == {"b": [{}, None], "d": {}}
