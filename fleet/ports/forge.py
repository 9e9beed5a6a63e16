"""Where pull requests live. The contract suite is ``tests/contract/forge.py``; every adapter has to pass it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fleet.model.pull_request import CheckState, PullRequest, PullRequestDraft, PullRequestState


class ForgeReader(Protocol):
    """Reads pull requests."""

    def get(self, number: int) -> PullRequest:
        """Return one pull request.

        Raises:
            ForgeError: there is none with this number.
        """
        ...

    def list(self, state: PullRequestState | None = PullRequestState.OPEN) -> Sequence[PullRequest]:
        """Return pull requests, newest first; ``None`` means in any state."""
        ...

    def find_open(self, branch: str) -> PullRequest | None:
        """Return the open pull request of a branch."""
        ...


class Forge(ForgeReader, Protocol):
    """Changes pull requests. Each call is compare-and-swap or idempotent."""

    def open(self, draft: PullRequestDraft) -> PullRequest:
        """Open a pull request, or return the one that is open for the branch, updated from the draft.

        The branch must already be pushed at ``draft.head``.

        Raises:
            ConflictError: the branch is not at ``draft.head`` any more.
        """
        ...

    def comment(self, number: int, text: str) -> None:
        """Add a comment."""
        ...

    def approve(self, number: int, head: str) -> PullRequest:
        """Approve a head commit as the present identity. Approving the same head twice counts once.

        Raises:
            ConflictError: the pull request has another head by now.
            ForgeError: it is not open, or the approver is its author.
        """
        ...

    def report(self, number: int, head: str, name: str, state: CheckState, url: str = "") -> PullRequest:
        """Report what a check found of a head commit; the newest report of a name counts. The same again is said once.

        Raises:
            ConflictError: the pull request has another head by now.
            ForgeError: it is not open.
        """
        ...

    def merge(
        self, number: int, head: str, message: str, *, base: str | None = None, fast_forward: bool = False
    ) -> PullRequest:
        """Merge into the base branch and delete the branch. Merging a merged one at this head returns it.

        Args:
            number: number of the pull request.
            head: the commit that is merged.
            message: message of the merge commit.
            base: merge only if the base branch is at this commit: the one whose policy allowed the merge.
                None: wherever it is.
            fast_forward: move the base branch to the head, where that is possible.

        Raises:
            BaseMovedError: the base branch is not at ``base``.
            ConflictError: the head moved, or the branches conflict.
            ForgeError: it is closed.
        """
        ...

    def close(self, number: int, comment: str = "") -> PullRequest:
        """Close without merging, and delete the branch. Closing a closed one returns it."""
        ...
