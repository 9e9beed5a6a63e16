"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.durations import human, seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("1h30m", 5400), ("2d", 172800), ("250ms", 0.25), ("1m1s", 61), ("0s", 0)]
)
def test_durations_are_added_up(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", "1.5h", "5sec", "5s "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_longer_time_never_reads_shorter(first: int, second: int) -> None:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    shorter, longer = sorted((first, second))
    assert units[human(shorter)[-1]] >= 0
    ranks = [_rank(human(shorter)), _rank(human(longer))]
    assert ranks == sorted(ranks)


def _rank(text: str) -> int:
    """Return the position of the largest unit of a text."""
    return max("smhd".index(letter) for letter in text if letter in "smhd")


@pytest.mark.parametrize(
    ("amount", "text"), [(0.44, "0.4s"), (12.4, "12s"), (185, "3m05s"), (7800, "2h10m"), (273600, "3d04h")]
)
def test_durations_for_people(amount: float, text: str) -> None:
    assert human(amount) == text
