"""Semantic versions: order, and the next one.

Source of the rules: https://semver.org/spec/v2.0.0.html (sections 9 to 11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from fleet.model.release import SEMVER_PATTERN

Part = Literal["major", "minor", "patch"]

_SEMVER = re.compile(SEMVER_PATTERN.strip("^$"), re.ASCII)

Precedence = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def is_version(text: str) -> bool:
    """Say whether a text is a semantic version."""
    return _SEMVER.fullmatch(text) is not None


def precedence(version: str) -> Precedence:
    """Return a key by which versions sort; build metadata does not count.

    Raises:
        ValueError: it is not a semantic version.
    """
    major, minor, patch, prerelease = _parts(version)
    identifiers = prerelease.split(".") if prerelease else []
    # Numbers sort before words, and a version without a pre-release after all of its pre-releases.
    keys = tuple((not i.isdigit(), int(i) if i.isdigit() else 0, "" if i.isdigit() else i) for i in identifiers)
    return (major, minor, patch, not prerelease, keys)


def older(version: str, than: str) -> bool:
    """Say whether a version comes before another one."""
    return precedence(version) < precedence(than)


def bump(version: str, part: Part) -> str:
    """Return the next version: a pre-release becomes the version that it announces, if that is enough of a step."""
    major, minor, patch, prerelease = _parts(version)
    if part == "major":
        return f"{major}.0.0" if prerelease and minor == patch == 0 else f"{major + 1}.0.0"
    if part == "minor":
        return f"{major}.{minor}.0" if prerelease and patch == 0 else f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch}" if prerelease else f"{major}.{minor}.{patch + 1}"


def next_free(version: str, part: Part, taken: Iterable[str]) -> str:
    """Return the next version that was not given away yet: after a rollback, the one above may be."""
    used = set(taken)
    found = bump(version, part)
    while found in used:
        found = bump(found, part)
    return found


def _parts(version: str) -> tuple[int, int, int, str]:
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise ValueError(f"`{version}` is not a semantic version, like `1.4.2`")
    return int(found[1]), int(found[2]), int(found[3]), found[4] or ""
