"""Releases and the pins that put one into an environment."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from fleet.model.base import Spec

SEMVER_PATTERN = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)
"""Semantic Versioning 2.0.0, the expression suggested at https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string"""

_SEMVER = re.compile(SEMVER_PATTERN.strip("^$"), re.ASCII)

CommitId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]


class Release(Spec):
    """Immutable content of an app: what a promotion moves from one environment to the next."""

    version: Annotated[str, StringConstraints(max_length=128)]
    """Semantic version of the release, for example `1.18.0`."""
    revision: CommitId
    """Commit whose `apps/<app>` tree is rendered (full object id)."""
    images: dict[str, str] = Field(default_factory=dict)
    """Image reference for each image name that `app.yaml` declares."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Promoted values by dotted path; only paths that `app.yaml` declares `promotable`."""

    @field_validator("version")
    @classmethod
    def _semantic(cls, version: str) -> str:
        if not _SEMVER.fullmatch(version):
            raise ValueError(f"`{version}` is not a semantic version (https://semver.org), like `1.4.2`")
        return version

    @property
    def short(self) -> str:
        """Version and shortened revision, for people."""
        return f"{self.version} ({self.revision[:7]})"


class Pin(Spec):
    """`environments/<env>/apps/<app>.yaml`: the release of one app in one environment.

    `release` is owned by fleet: it is the only part that a promotion writes. `values` are owned by the
    environment and never move.
    """

    release: Release | None = None
    """The release that runs here. Absent: the app is expected here, but nothing was released or promoted yet."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Values of this app in this environment."""
