"""What registries hold: repositories, and the manifests that tags point at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArtifactKind = Literal["image", "index", "chart", "artifact"]
"""`index`: images for several platforms. `chart`: a Helm chart. `artifact`: something else."""


@dataclass(frozen=True, slots=True, order=True)
class Repository:
    """A repository of a registry, by its full name."""

    host: str
    """`registry.example` or `registry.example:5000`."""
    path: str
    """`team/web`."""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag points at."""

    digest: str
    """`sha256:…`; the content was verified against it."""
    kind: ArtifactKind
