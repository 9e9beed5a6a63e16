from __future__ import annotations

import pytest

from fleet.engine.versions import bump, is_version, next_free, older, precedence

# The order of https://semver.org/spec/v2.0.0.html#spec-item-11, and a few more.
ORDERED = ["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
ORDERED += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0"]


def test_versions_sort_as_the_specification_says() -> None:
    assert sorted(sorted(ORDERED), key=precedence) == ORDERED
    assert sorted(reversed(ORDERED), key=precedence) == ORDERED


def test_build_metadata_does_not_count() -> None:
    assert precedence("1.0.0+a") == precedence("1.0.0+b")
    assert not older("1.0.0+a", "1.0.0+b")


@pytest.mark.parametrize(
    ("version", "part", "expected"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3-rc.1", "patch", "1.2.3"),
        ("1.3.0-rc.1", "minor", "1.3.0"),
        ("1.3.1-rc.1", "minor", "1.4.0"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("2.1.0-rc.1", "major", "3.0.0"),
        ("1.2.3+build.5", "patch", "1.2.4"),
    ],
)
def test_bump(version: str, part: str, expected: str) -> None:
    assert bump(version, part) == expected  # type: ignore[arg-type]


def test_versions_that_were_given_away_are_passed_over() -> None:
    assert next_free("1.2.0", "minor", {"1.3.0", "1.4.0"}) == "1.5.0"
    assert next_free("1.2.0", "patch", ()) == "1.2.1"


@pytest.mark.parametrize("text", ["1.2", "01.2.3", "v1.2.3", "1.2.3-", "1.2.3\n", "latest", ""])
def test_what_is_no_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(ValueError, match="semantic"):
        precedence(text)
