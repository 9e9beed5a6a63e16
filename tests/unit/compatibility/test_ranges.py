from __future__ import annotations

import pytest

from fleet.engine.ranges import LONGEST, range_fault, satisfies


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("^2.1", ["2.1.0", "2.9.3"], ["2.0.9", "3.0.0"]),
        ("^0.3", ["0.3.9"], ["0.4.0"]),
        ("~1.2", ["1.2.9"], ["1.3.0"]),
        (">=2.0 <3", ["2.0.0", "2.99.0"], ["1.9.9", "3.0.0", "3.0.0-rc.1"]),
        ("1.x || 2.x", ["1.0.0", "2.5.0"], ["3.0.0"]),
        ("1.2 - 2", ["1.2.0", "2.9.9"], ["3.0.0"]),
        ("*", ["0.0.1", "9.0.0"], ["1.0.0-rc.1"]),
        ("1.2.3", ["1.2.3", "1.2.3+build"], ["1.2.4"]),
        (">=2.0.0-rc.0", ["2.0.0-rc.1", "2.0.0"], ["2.1.0-rc.1"]),
    ],
)
def test_ranges_are_those_of_npm(wanted: str, inside: list[str], outside: list[str]) -> None:
    assert range_fault(wanted) is None
    assert [v for v in inside if not satisfies(v, wanted)] == []
    assert [v for v in outside if satisfies(v, wanted)] == []


@pytest.mark.parametrize("text", ["", "  ", ">=2,<3", "two", ">= 2", "^1.2.3.4", "1" * (LONGEST + 1)])
def test_what_is_no_range_is_said_and_never_fits(text: str) -> None:
    assert range_fault(text) is not None
    assert not satisfies("2.0.0", text)


def test_what_is_no_version_never_fits() -> None:
    assert not satisfies("2.0", "*")
