"""Rules of release discovery: which newer images of an app are proposed. Part of `app.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fleet.model.base import Spec

Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]


class ImageRuleSpec(Spec):
    """Which tags of one image are versions, and which of these may be proposed."""

    range: Annotated[str, StringConstraints(max_length=200)]
    """Versions that may be proposed, as npm writes ranges: `>=1.20 <2`. `*` means every version."""
    repository: str | None = None
    """Repository to look in, without tag. Absent: that of the image's reference under `images`."""
    tag: Annotated[str, StringConstraints(max_length=160)] | None = None
    """Form of the tags that are versions, like `v{version}` or `{version}-alpine`. Absent: `{version}`, with or
    without a `v` before it."""
    prereleases: bool = Field(default=False, strict=True)
    """Whether pre-releases of versions in the range may be proposed too, like `1.21.0-rc.1`."""
    pin_digest: bool = Field(default=True, strict=True)
    """Whether a release gets the digest with the tag, as `…:1.21.0@sha256:…`. Without it, nobody sees a tag move."""
    ignore: tuple[Tag, ...] = ()
    """Tags that are never proposed."""


class DiscoverSpec(Spec):
    """What `fleet releases discover` looks for."""

    images: dict[str, ImageRuleSpec] = Field(min_length=1)
    """Rules by name of the image, as under `images`."""
    bump: Literal["patch", "minor", "major"] = "patch"
    """Which part of the app's version a discovered release counts up."""
    version_of: str | None = None
    """Name of the image whose version the release takes, where it is newer and free. Absent: see `bump`."""
