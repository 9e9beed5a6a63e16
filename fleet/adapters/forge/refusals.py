"""What a forge refuses, in words."""

from __future__ import annotations

from fleet.errors import ConflictError, ForgeError
from fleet.model.pull_request import PullRequest, PullRequestState


def require_open(known: PullRequest) -> None:
    """Refuse a pull request that is merged or closed.

    Raises:
        ForgeError: it is.
    """
    if known.state is not PullRequestState.OPEN:
        raise ForgeError(
            f"pull request #{known.number} is {known.state} already",
            code="FLT-FRG-005",
            hints=(f"fleet pr show {known.number}",),
        )


def branch_gone(known: PullRequest) -> ForgeError:
    """Return the error for a pull request without its branch."""
    return ForgeError(
        f"the branch `{known.branch}` of pull request #{known.number} was deleted by hand",
        code="FLT-FRG-007",
        hints=(
            f"bring it back with `git push origin {known.head}:refs/heads/{known.branch}`",
            f"or give it up with `fleet pr close {known.number}`",
        ),
    )


def head_moved(what: str, seen: str, present: str | None) -> ConflictError:
    """Return the error for a head that is another one than the caller saw."""
    now = f"is at {present[:7]} now" if present else "is gone"
    return ConflictError(
        f"{what} {now}, not at {seen[:7]}",
        code="FLT-FRG-008",
        hints=("look at what changed, and run the command again",),
    )
