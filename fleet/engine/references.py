"""References of images, and what they mean.

Source of the forms: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests (names
and tags), https://pkg.go.dev/github.com/distribution/reference (short names, and where the host ends).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleet.model.registry import Repository

DOCKER_HUB = "docker.io"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
LONGEST_PATH = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference of an image, taken apart. Writing it gives the same text again."""

    name: str
    """The repository as it is written: `web`, `team/web` or `registry.example/team/web`."""
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.name}{tag}{digest}"

    @property
    def repository(self) -> Repository:
        """The repository by its full name."""
        return repository_of(self.name)


def parse(text: str) -> Reference:
    """Take a reference apart.

    Raises:
        ValueError: it is not a reference of an image.
    """
    rest, at, digest = text.partition("@")
    slash, colon = rest.rfind("/"), rest.rfind(":")
    name, tag = (rest[:colon], rest[colon + 1 :]) if colon > slash else (rest, None)
    if (at and not _DIGEST.fullmatch(digest)) or (tag is not None and not is_tag(tag)):
        raise ValueError(f"`{text[:120]}` is not a reference of an image")
    repository_of(name)
    return Reference(name, tag, digest if at else None)


def repository_of(name: str) -> Repository:
    """Return what a name of a repository means; short names are those of Docker Hub.

    Raises:
        ValueError: it is not the name of a repository.
    """
    first, slash, rest = name.partition("/")
    host, path = DOCKER_HUB, name
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first.lower(), rest
    if host == f"index.{DOCKER_HUB}":
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _HOST.fullmatch(host) or not _PATH.fullmatch(path) or len(path) > LONGEST_PATH:
        raise ValueError(f"`{name[:120]}` is not the name of a repository, like `registry.example/team/web`")
    return Repository(host, path)


def is_tag(text: str) -> bool:
    """Say whether a text can be a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Say whether a text is a digest of a kind that is trusted."""
    return _DIGEST.fullmatch(text) is not None
