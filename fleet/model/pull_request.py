"""Pull requests as every forge has them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from fleet.model.base import Report


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


class PullRequestDraft(Report):
    """What opening or updating a pull request needs. One open pull request per ``branch``."""

    title: str
    body: str
    branch: str
    base_branch: str
    head: str
    labels: tuple[str, ...] = ()
