"""Dataclasses whose methods are compiled when they are called behave as ever."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fleet.startup import compile_methods_when_called


@pytest.fixture(autouse=True)
def _as_the_command_does() -> Iterator[None]:
    """Make classes as the `fleet` command does."""
    known = getattr(dataclasses, "_create_fn", None)
    compile_methods_when_called()
    try:
        yield
    finally:
        if known is not None:
            dataclasses._create_fn = known  # type: ignore[attr-defined]


def test_frozen_class_compares_hashes_shows_and_refuses_changes() -> None:
    @dataclass(frozen=True)
    class Point:
        x: int
        y: int = 2

    point, same, other = Point(1), Point(1, 2), Point(3)
    assert point == same
    assert point != other
    assert point.__eq__((1, 2)) is NotImplemented
    assert hash(point) == hash(same) == hash((1, 2))
    assert {point: "here"}[same] == "here"
    assert repr(point).endswith("Point(x=1, y=2)")
    assert dataclasses.replace(point, x=3) == other
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 5  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'y'"):
        del point.y


def test_class_with_slots() -> None:
    @dataclass(frozen=True, slots=True)
    class Point:
        x: int

    assert {Point(1): "here"}[Point(1)] == "here"
    assert repr(Point(1)).endswith("Point(x=1)")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(1).x = 2  # type: ignore[misc]


def test_ordered_class_and_one_that_changes() -> None:
    @dataclass(order=True)
    class Step:
        number: int

    assert sorted([Step(2), Step(1)]) == [Step(1), Step(2)]
    assert Step(1) <= Step(1) < Step(2) > Step(1)
    assert Step(2) >= Step(1)
    step = Step(1)
    step.number = 7
    assert step == Step(7)
    with pytest.raises(TypeError, match="unhashable"):
        hash(step)


def test_own_methods_and_those_of_a_parent_stay() -> None:
    @dataclass(frozen=True)
    class Parent:
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

    @dataclass(frozen=True, repr=False)
    class Child(Parent):
        age: int = 0

    assert repr(Child("a", 4)) == "<a>"
    assert Child("a", 4) == Child("a", 4)
    assert Child("a") != Parent("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Child("a").name = "b"  # type: ignore[misc]
