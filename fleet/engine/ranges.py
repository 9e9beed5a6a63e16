"""Ranges of semantic versions, as npm writes them: `^2.1`, `>=2.0 <3`, `1.x || 2.x`.

The rules are those of https://github.com/npm/node-semver#ranges. A pre-release is in a range only if the range names a
pre-release of the same version: `2.0.0-rc.1` is not in `>=1.0`, but in `>=2.0.0-rc.0`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fleet.engine.versions import is_version

LONGEST = 200
"""Characters of a range."""


def range_fault(text: str) -> str | None:
    """Return what is wrong with a range; None if it is one."""
    if len(text) > LONGEST:
        return f"a range has at most {LONGEST} characters"
    if not text.strip():
        return "the range is empty; `*` means every version"
    try:
        _parse(text)
    except ValueError:
        return f"`{text}` is not a range of versions, like `^2.1`, `>=2.0 <3` or `1.x || 2.x`"
    return None


def satisfies(version: str, wanted: str) -> bool:
    """Say whether a version is in a range. What is not a version, or not a range, never fits."""
    if not is_version(version) or range_fault(wanted) is not None:
        return False
    from semantic_version import Version

    return bool(_parse(wanted).match(Version(version)))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Any:
    from semantic_version import NpmSpec

    return NpmSpec(text)
