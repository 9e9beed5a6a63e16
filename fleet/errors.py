"""The error tree of fleet: what went wrong, where, and what to do next.

Every layer may import this module and it imports nothing of fleet. An adapter translates each foreign
exception into one of these (and chains the cause); only :mod:`fleet.cli` prints them.

Exit statuses are a stable contract, see ``docs/reference/exit-codes.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit statuses of the ``fleet`` command."""

    OK = 0
    NO = 1  # the answer is no: invalid, unhealthy, some targets failed
    USAGE = 2  # usage, or configuration that could not be read
    DIFFERENT = 3  # differences found, only with --exit-code
    BLOCKED = 4  # blocked or pending: gate, lock, open pull request
    OUTSIDE = 5  # an outside system is unreachable or refused our credentials
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file of the fleet repository; lines and columns count from 1."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.path]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of a validation: collected and reported together, never raised one at a time.

    ``code`` is stable (``FLT-CFG-014``) and has a page section in ``docs/reference/errors.md``.
    """

    code: str
    message: str
    location: Location | None = None
    hint: str | None = None
    severity: str = "error"  # or "warning"


class FleetError(Exception):
    """Base of everything that fleet raises on purpose.

    Args:
        message: one lower-case sentence without a full stop, backticks around names and commands.
        code: stable code, ``FLT-<FAMILY>-<NNN>``.
        location: the place in the fleet repository that the user should open.
        hints: what to do next, ideally a command that can be pasted.
    """

    exit_code: ExitCode = ExitCode.NO
    default_code = "FLT-GEN-001"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        location: Location | None = None,
        hints: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.location = location
        self.hints = hints


class UsageError(FleetError):
    """The command line cannot be carried out as written (unknown name, contradicting flags)."""

    exit_code = ExitCode.USAGE
    default_code = "FLT-USE-001"


class ConfigError(FleetError):
    """The fleet could not be loaded; carries every problem that was found."""

    exit_code = ExitCode.NO
    default_code = "FLT-CFG-001"

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[Problem, ...] = (),
        code: str | None = None,
        location: Location | None = None,
        hints: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, code=code, location=location, hints=hints)
        self.problems = problems


class RenderError(FleetError):
    """A template could not be rendered, or what it rendered is not a set of Kubernetes objects."""

    default_code = "FLT-RND-001"


class GitError(FleetError):
    """git refused or failed."""

    default_code = "FLT-GIT-001"


class LedgerError(FleetError):
    """The ledger of decisions cannot be believed, or not be read."""

    default_code = "FLT-LED-001"


class ForgeError(FleetError):
    """The forge refused a pull request operation for a reason that a repetition does not change."""

    default_code = "FLT-FRG-001"


class ConflictError(FleetError):
    """Somebody else was faster: a compare-and-swap failed, or a lease is held.

    The caller may observe the new state and try again.
    """

    exit_code = ExitCode.BLOCKED
    default_code = "FLT-CON-001"


class BaseMovedError(ConflictError):
    """The base branch of a pull request is at another commit than the one that the merge was judged for.

    The caller may judge again, for the commit that it is at now.
    """

    default_code = "FLT-FRG-010"


class BlockedError(FleetError):
    """A gate, lock or missing approval holds the operation. Not a fault: "not yet"."""

    exit_code = ExitCode.BLOCKED
    default_code = "FLT-GAT-001"


class DeniedError(FleetError):
    """The policy does not let this person do it."""

    default_code = "FLT-GAT-020"


class RestrictionError(FleetError):
    """Locks, holds and rejected releases cannot be read, or cannot be kept as asked."""

    default_code = "FLT-RST-001"


class ClusterError(FleetError):
    """A cluster answered with an error that concerns the request (invalid, forbidden, conflict)."""

    default_code = "FLT-CLU-001"


class UnreachableError(FleetError):
    """An outside system cannot be reached, or refuses our credentials."""

    exit_code = ExitCode.OUTSIDE
    default_code = "FLT-OUT-001"


class RegistryError(FleetError):
    """What a registry answers cannot be used, or it may not be asked."""

    default_code = "FLT-REG-001"


class DeployError(FleetError):
    """The engine could not bring a target to its desired state."""

    default_code = "FLT-DEP-001"


class ToolError(FleetError):
    """An external binary is missing, has the wrong version, or cannot be obtained."""

    exit_code = ExitCode.OUTSIDE
    default_code = "FLT-TLC-001"


class SandboxError(FleetError):
    """The sandbox could not be started or stopped."""

    default_code = "FLT-SBX-001"


class InternalError(FleetError):
    """A bug in fleet itself."""

    exit_code = ExitCode.BUG
    default_code = "FLT-BUG-001"
