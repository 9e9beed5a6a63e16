"""Promotions: the plan that everything reads, what came of it, and the record that git keeps."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from fleet.errors import Location
from fleet.model.base import Report
from fleet.model.change import ChangeSet
from fleet.model.gate import GateResult, Override
from fleet.model.names import Target
from fleet.model.release import Release
from fleet.model.restriction import Hold, Rejection


class PromotionKind(StrEnum):
    """Why a pin changes."""

    RELEASE = "release"  # a new release enters the first environment
    PROMOTION = "promotion"
    HOTFIX = "hotfix"  # a promotion past an environment
    ROLLBACK = "rollback"
    MANUAL = "manual"  # a person committed the pin by hand

    @property
    def moves_on(self) -> bool:
        """Whether a release comes from another environment."""
        return self in (PromotionKind.PROMOTION, PromotionKind.HOTFIX)


class TargetGroup(Report):
    """Targets whose rendered objects change in the same way."""

    targets: tuple[Target, ...]
    changes: ChangeSet


class AppCommit(Report):
    """A commit that changed the app between two releases."""

    id: str
    subject: str
    author: str = ""


class ValueDecision(StrEnum):
    """What becomes of one value of a release when the release moves on."""

    MOVED = "moved"  # becomes what it is in the source
    KEPT = "kept"  # stays as it was changed where the release goes
    CONFLICT = "conflict"  # was changed on both sides
    DROPPED = "dropped"  # is not promotable any more at the revision that moves
    LEFT = "left"  # is in the source, but not promotable: stays there


class ValueSide(StrEnum):
    """Whose value is taken."""

    OURS = "ours"  # where the release goes
    THEIRS = "theirs"  # where it comes from


class Setting(Report):
    """A value on one side of a merge. What looks like a secret is masked."""

    value: Any
    location: Location | None = None
    """Where it is written."""
    commit: str = ""
    """Commit that gave it this value; of the base, the commit that it is read at."""
    author: str = ""
    """Who wrote that commit."""
    version: str = ""
    """Release that it came with."""
    environment: str = ""
    """Environment in which that happened."""


class ValueMove(Report):
    """One value that differs between where a release comes from and where it goes. None: not set on that side."""

    path: str
    """Dotted path."""
    decision: ValueDecision
    base: Setting | None = None
    """What the source had when a release last moved from there."""
    ours: Setting | None = None
    """What it is where the release goes."""
    theirs: Setting | None = None
    """What it is where the release comes from."""
    taken: ValueSide | None = None
    """The side that a person chose."""

    @property
    def becomes(self) -> Setting | None:
        """What it will be where the release goes; in a conflict what it is now, as nothing is written."""
        if self.decision is ValueDecision.MOVED:
            return self.theirs
        return self.ours if self.decision in (ValueDecision.KEPT, ValueDecision.CONFLICT) else None


class PromotionPlan(Report):
    """Everything that a promotion of one app into one environment would do, computed without doing it.

    The dry run, the prompt, the pull request body and the executor all read this object.
    """

    kind: PromotionKind
    app: str
    source: str | None
    """Environment that the release comes from; none for a release and a rollback."""
    environment: str
    """Environment whose pin changes."""
    base: str
    """Commit of the protected branch that the plan was made against."""
    before: Release | None
    after: Release
    pin_path: str
    content: str = ""
    """The pin file as it will be; only its `release:` block differs from what is there."""
    branch: str
    """Branch of the pull request; for a direct commit, the protected branch."""
    direct: bool = False
    """Whether the policy lets this be committed to the protected branch without a pull request."""
    title: str
    gates: tuple[GateResult, ...] = ()
    groups: tuple[TargetGroup, ...] = ()
    """All clusters of the environment, by how they change."""
    commits: tuple[AppCommit, ...] = ()
    """Commits that changed the app between the two revisions, newest first."""
    backwards: bool = False
    """Whether these are commits that the environment would lose, because the release is an earlier one."""
    warnings: tuple[str, ...] = ()
    """What the reader must know: objects that cannot go back, promoted values that the environment sets too."""
    distance: str = ""
    """Rollback only: how far it goes back, and when that release was there."""
    next_environments: tuple[str, ...] = ()
    """Where the release can go afterwards."""
    digest: str = ""
    """Plan hash: rendered objects times targets, and the release. Bound to approvals."""
    values: tuple[ValueMove, ...] = ()
    """Promotion only: values of the release that differ between source and environment, and what becomes of each."""
    source_release: Release | None = None
    """The release as the source has it, where ``after`` differs from it in values; none: it moves as it is."""

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Decisions to promote past gates, each once."""
        return tuple(dict.fromkeys(g.override for g in self.gates if g.override is not None))

    @property
    def nothing_to_do(self) -> bool:
        """Whether the environment already has this release."""
        return self.before == self.after and not self.conflicts

    @property
    def conflicts(self) -> tuple[ValueMove, ...]:
        """Values that were changed on both sides; as long as there are any, nothing is written."""
        return tuple(move for move in self.values if move.decision is ValueDecision.CONFLICT)

    @property
    def proven(self) -> Release:
        """The release that has to prove itself in the source."""
        return self.source_release or self.after

    @property
    def blocked_by(self) -> tuple[GateResult, ...]:
        """Gates that keep the pull request from being opened."""
        return tuple(g for g in self.gates if g.holds == "open" and not g.passes)

    @property
    def approvals_wanted(self) -> bool:
        """Whether somebody has to approve before it may be merged."""
        return any(g.kind == "approvals" and not g.passes for g in self.gates)


class PromotionOutcome(StrEnum):
    """How a promotion ended."""

    PLANNED = "planned"  # a dry run
    NOTHING = "nothing-to-do"
    BLOCKED = "blocked"
    OPENED = "opened"
    UPDATED = "updated"
    UNCHANGED = "unchanged"  # the pull request is there, and up to date
    COMMITTED = "committed"  # directly, without a pull request
    FAILED = "failed"


class PromotionError(Report):
    """Why the promotion of one app failed, in the form of every error."""

    code: str
    message: str
    hints: tuple[str, ...] = ()
    location: str | None = None
    exit_code: int = 1
    """Exit status that belongs to it."""


class PromotionResult(Report):
    """What came of the promotion of one app."""

    app: str
    environment: str
    outcome: PromotionOutcome
    plan: PromotionPlan | None = None
    pull_request: int | None = None
    """The open pull request: the one that was opened or updated, or in a dry run the one that would be."""
    url: str = ""
    commit: str | None = None
    """Head of the pull request, or the commit on the protected branch."""
    error: PromotionError | None = None
    hold: Hold | None = None
    """Rollback only: what keeps the app as it is from now on."""
    rejection: Rejection | None = None
    """Rollback only: the rejection of the release that it went back from."""
    withdrawn: tuple[int, ...] = ()
    """Rollback only: pull requests that would have brought the rejected release somewhere, and were closed."""

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done (or would be)."""
        return self.outcome not in (PromotionOutcome.BLOCKED, PromotionOutcome.FAILED)


class HistoryEntry(Report):
    """One change of a pin, rebuilt from git alone."""

    id: str
    """Commit that changed the pin on the protected branch (first 12 digits)."""
    commit: str = ""
    """The same, in full."""
    kind: PromotionKind
    app: str
    environment: str
    source: str | None = None
    before: Release | None = None
    after: Release | None = None
    author: str = ""
    """Who wrote the change; not necessarily who merged it."""
    landed_by: str = ""
    """Who brought it to the protected branch."""
    time: datetime
    """When it came to the protected branch."""
    pull_request: int | None = None
    subject: str = ""
    inferred: bool = False
    """Whether the kind was told from what happened to the pins, since a person changed this one by hand."""
    trailers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
