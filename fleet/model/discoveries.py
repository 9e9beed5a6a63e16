"""What release discovery found, and what came of it: the reports of `fleet releases`."""

from __future__ import annotations

from enum import StrEnum

from fleet.model.base import Report
from fleet.model.promotion import PromotionError, PromotionResult
from fleet.model.registry import ArtifactKind


class Verdict(StrEnum):
    """What is thought of one tag."""

    NEWEST = "newest"
    PRESENT = "present"
    SKIPPED = "skipped"


class TagVerdict(Report):
    """One tag of a repository, and why it is proposed or not."""

    tag: str
    version: str | None = None
    verdict: Verdict
    reason: str


class ImageDiscovery(Report):
    """What was found for one image of an app."""

    image: str
    repository: str
    present: str
    """Reference that runs in the first environment."""
    proposed: str | None = None
    """Reference that is proposed."""
    version: str | None = None
    """Version that is proposed."""
    notes: tuple[str, ...] = ()
    """What a person should know, such as a tag that points at something else by now."""
    tags: tuple[TagVerdict, ...] = ()
    """Every tag with its verdict, newest version first."""


class AppDiscovery(Report):
    """What was found for one app."""

    app: str
    environment: str | None = None
    """The first environment, that releases enter."""
    images: tuple[ImageDiscovery, ...] = ()
    result: PromotionResult | None = None
    """What came of the release; none: there is nothing new."""
    error: PromotionError | None = None
    """Why nothing can be said or proposed."""

    @property
    def ok(self) -> bool:
        """Whether nothing failed. A release that a gate or a pull request of somebody holds is no failure."""
        held = self.error is not None and self.error.exit_code == 4
        waits = (
            self.result is None
            or self.result.ok
            or (self.result.error is not None and self.result.error.exit_code == 4)
        )
        return (self.error is None or held) and waits


class Discoveries(Report):
    """All apps that have rules."""

    revision: str
    apps: tuple[AppDiscovery, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(app.ok for app in self.apps)


class ListedVersion(Report):
    """One version in a repository."""

    tag: str
    version: str | None = None
    kind: ArtifactKind | None = None
    """None: it was not looked at."""
    digest: str | None = None


class VersionList(Report):
    """The versions in a repository."""

    repository: str
    tags: int
    """How many tags there are, versions or not."""
    versions: tuple[ListedVersion, ...] = ()
    """Newest first."""
