"""Renders an app (templates or a Pulumi program) into Kubernetes objects, in a jail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fleet.errors import Problem
from fleet.model.objects import Manifest


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One render: files of an app at its pinned revision, and what they may see."""

    app: str
    source: str
    """`templates`: each `*.yaml.j2` of `files` is rendered. `program`: `program.py` runs, its registrations count."""
    files: Mapping[str, bytes]
    """Content by path in the repository (`apps/<app>/templates/x.yaml.j2`), for error locations."""
    context: Mapping[str, Any]
    """Plain JSON data: `app`, `namespace`, `release`, `environment`, `cluster`, `values`, `images`."""
    namespace: str | None
    """Namespace of objects that name none."""
    cluster_scoped: tuple[str, ...] = ()
    """Kinds (`<group>/<Kind>`) beyond the built-in ones that have no namespace."""


@dataclass(frozen=True, slots=True)
class RenderResult:
    """Objects in the order of files and documents; or the problems, each pointing into a template."""

    objects: tuple[Manifest, ...]
    problems: tuple[Problem, ...] = ()


class Renderer(Protocol):
    """Deterministic: the same request gives the same result on every machine."""

    def render(self, requests: Sequence[RenderRequest]) -> Sequence[RenderResult]:
        """Render many requests; results are in the order of the requests. A bad request fails only itself."""
        ...

    def prepare(self) -> None:
        """Begin to start what renders, where something new is going to be rendered. For the main thread only."""
        ...

    def close(self) -> None:
        """Stop the jailed workers."""
        ...
