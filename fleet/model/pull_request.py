"""Pull requests as every forge has them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from fleet.model.base import Report
from fleet.model.gate import GateResult


class PullRequestState(StrEnum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Approval(Report):
    """One person's approval of one head commit; a later head is not approved by it."""

    by: str
    head: str
    time: datetime


class CheckState(StrEnum):
    """What a check of the forge found."""

    SUCCESS = "success"
    PENDING = "pending"
    FAILURE = "failure"


class Check(Report):
    """What a check (commit status) found of one head commit."""

    name: str
    state: CheckState
    head: str
    by: str = ""
    """Who reported it."""
    time: datetime | None = None
    url: str = ""
    """Where the details are."""


class Comment(Report):
    """A comment on a pull request."""

    by: str
    text: str
    time: datetime


class PullRequest(Report):
    """A request to merge ``branch`` into ``base_branch``."""

    number: int
    title: str
    body: str
    author: str
    branch: str
    base_branch: str
    head: str
    """Commit that the branch points to."""
    state: PullRequestState
    created: datetime
    updated: datetime
    labels: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    comments: tuple[Comment, ...] = ()
    checks: tuple[Check, ...] = ()
    """The newest of each name and head."""
    merge_commit: str | None = None
    merged_by: str | None = None
    url: str = ""
    base: str | None = None
    """Commit of the base branch right before the merge; none while it is not merged."""
    note: str = ""
    """What a reader must know about an open one: its branch was deleted, or moved by hand."""

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved the present head, without the author, each once."""
        return tuple(dict.fromkeys(a.by for a in self.approvals if a.head == self.head and a.by != self.author))

    def check(self, name: str) -> Check | None:
        """Return what a check found of the present head; None if it has not reported."""
        return next((check for check in self.checks if (check.name, check.head) == (name, self.head)), None)


class PullRequestDraft(Report):
    """What opening or updating a pull request needs. One open pull request per ``branch``."""

    title: str
    body: str
    branch: str
    base_branch: str
    head: str
    labels: tuple[str, ...] = ()


class PullRequestReview(Report):
    """A pull request with all that decides whether it may merge."""

    pull_request: PullRequest
    paths: tuple[str, ...] = ()
    """Files that it changes."""
    environments: tuple[str, ...] = ()
    """Environments that those files can change."""
    required_approvals: int = 0
    approvers: tuple[str, ...] = ()
    """Whose approvals count: of the present head, without the author."""
    merge_method: str = "merge"
    base: str = ""
    """Commit of the base branch that it was judged for, whose policies count."""
    gates: tuple[GateResult, ...] = ()
    """What holds the merge; empty for one that is not open."""

    @property
    def held_by(self) -> tuple[GateResult, ...]:
        """Gates that keep it from being merged now."""
        return tuple(g for g in self.gates if not g.passes)


class PullRequestDiff(Report):
    """What a pull request changes, as a unified diff."""

    number: int
    base: str
    """Commit that it is compared with: where the head left the base branch, or the base branch before the merge."""
    head: str
    diff: str
