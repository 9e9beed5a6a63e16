"""External programs that fleet drives: which version is wanted, which one was found, and where it came from."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from fleet.model.base import Report

_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z][0-9A-Za-z.-]*)?)")


class Source(StrEnum):
    """Where a program comes from, in the order in which fleet looks."""

    CONFIGURED = "configured"
    PATH = "path"
    CACHE = "cache"
    RELEASE = "release"
    BUILD = "build"


class ToolStatus(Report):
    """What is known about one program, without installing anything."""

    name: str
    wanted: str
    """Pinned version, without `v`."""
    found: str | None = None
    """Version that the program itself tells; None where none was found, or it does not tell."""
    source: Source | None = None
    path: Path | None = None
    optional: bool = False
    """Whether `fleet toolchain install` leaves it out unless it is named."""
    note: str = ""


class InstalledTool(Report):
    """A program that is ready for use."""

    name: str
    version: str
    source: Source
    path: Path
    seconds: float = 0.0
    """What it took to get it now; 0 if it was there."""


def parse_version(text: str) -> str | None:
    """Return the first semantic version in a text, without `v`; None if there is none."""
    found = _VERSION.search(text)
    return found.group(1) if found else None


def fits(found: str, wanted: str) -> bool:
    """Say whether a version can stand in for the pinned one: the same minor version, and at least that patch.

    A pre-release fits only if it is exactly the wanted one.
    """
    if found == wanted:
        return True
    if "-" in found or "-" in wanted:
        return False
    have, want = ([int(part) for part in version.split(".")] for version in (found, wanted))
    return have[:2] == want[:2] and have[2] >= want[2]


def at_least(found: str, wanted: str) -> bool:
    """Say whether a version is the wanted one or newer; suffixes such as `-rc.1` do not count."""
    have, want = ([int(n) for n in re.findall(r"\d+", version.partition("-")[0])] for version in (found, wanted))
    return have >= want
