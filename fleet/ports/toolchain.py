"""External programs: finding them, and getting them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fleet.model.toolchain import InstalledTool, ToolStatus


class ToolFinder(Protocol):
    """Finds programs; never fetches or builds one."""

    def path(self, name: str) -> Path:
        """Return the path of a program.

        Raises:
            ToolError: it is not there; says where fleet looked, and how to install it.
            UsageError: fleet knows no program of that name.
        """
        ...

    def list(self) -> Sequence[ToolStatus]:
        """Return all programs that fleet knows, found or not."""
        ...


class Toolchain(ToolFinder, Protocol):
    """Gets programs, too."""

    def install(self, names: Sequence[str] = ()) -> Sequence[InstalledTool]:
        """Make programs ready for use: the named ones, or all that are not optional. What is there is kept.

        Safe to run by several processes at once, and to repeat after a crash.

        Raises:
            ToolError: a program cannot be obtained; says for each source why it did not serve.
            UsageError: fleet knows no program of that name.
        """
        ...
