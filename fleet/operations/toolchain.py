"""Use cases of the external programs: get them, and say what is there."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.model.toolchain import InstalledTool, ToolStatus
from fleet.ports.toolchain import Toolchain, ToolFinder


def install(names: Sequence[str], *, toolchain: Toolchain) -> Sequence[InstalledTool]:
    """Make programs ready for use: the named ones, or all that are not optional.

    Raises:
        ToolError: a program cannot be obtained.
        UsageError: fleet drives no program of that name.
    """
    return toolchain.install(names)


def overview(*, toolchain: ToolFinder) -> Sequence[ToolStatus]:
    """Return what is known about every program, without getting any."""
    return toolchain.list()
