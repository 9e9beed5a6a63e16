"""What a render depends on: the digest of its files and of that part of the context which they can see.

Thousands of targets ask for renders that differ in the name of the cluster only. Where no template refers to
`cluster`, it is taken out of the context, and all of them share one render. Since it is really taken out, this is
right whatever a template does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from fleet.adapters.render import codes, frames
from fleet.errors import Location, Problem
from fleet.ports.renderer import RenderRequest

RENDERER_VERSION = "1"
"""Changes whenever the same input would render to something else."""
CONTEXT_KEYS = ("app", "namespace", "release", "environment", "cluster", "values", "images")
VARYING = "cluster"
"""The key for which a precise answer pays: it differs from target to target."""

_WORD = re.compile(rf"(?<!\w)(?:{'|'.join(CONTEXT_KEYS)})(?!\w)")


class Source:
    """The files of one app at one revision, decoded and digested once for all requests that share them."""

    def __init__(self, request: RenderRequest) -> None:
        self.app = request.app
        self.program = request.source == "program"
        self.files: dict[str, str] = {}
        self.problems: list[Problem] = []
        for path in sorted(request.files):
            try:
                self.files[path] = request.files[path].decode()
            except UnicodeDecodeError as error:
                line = request.files[path].count(b"\n", 0, error.start) + 1
                self.problems.append(Problem(codes.SYNTAX, "the file is not UTF-8 text", Location(path, line)))
        parts = [f"{path}\0{sha256(request.files[path]).hexdigest()}" for path in sorted(request.files)]
        self.digest = _hash("files", request.app, request.source, *parts)
        self.words = frozenset(
            word for path, text in self.files.items() if path.endswith((".j2", ".py")) for word in _WORD.findall(text)
        )
        self.used: frozenset[str] | None = None
        """Keys of the context that the files can see; None: not yet known exactly."""

    @property
    def needs_analysis(self) -> bool:
        """Whether the words alone do not tell if the varying key is used: it may be in a comment."""
        return not self.program and VARYING in self.words

    def settle(self, used: Sequence[str] | None = None) -> None:
        """Decide which keys of the context the files get.

        A program may build a name from parts, so it gets everything; but for `cluster`, which it has to write out.
        """
        if self.program:
            dropped = frozenset() if VARYING in self.words else frozenset({VARYING})
            self.used = frozenset(CONTEXT_KEYS) - dropped
        else:
            self.used = frozenset(self.words if used is None else used)


class Digester:
    """Digests of requests. Parts that requests share (the same object) are digested once."""

    def __init__(self) -> None:
        self._sources: dict[tuple[int, str, str], Source] = {}
        self._by_digest: dict[str, Source] = {}
        self._parts: dict[int, str] = {}
        self._kept: list[Any] = []

    def source(self, request: RenderRequest) -> Source:
        """Return the source of a request; equal files have the same one."""
        key = (id(request.files), request.app, request.source)
        if key not in self._sources:
            self._kept.append(request.files)  # an id is only good while its object lives
            made = Source(request)
            self._sources[key] = self._by_digest.setdefault(made.digest, made)
        return self._sources[key]

    def context(self, request: RenderRequest, source: Source) -> dict[str, Any]:
        """Return that part of the context which the files of a request can see."""
        used = source.used or frozenset()
        return {key: value for key, value in request.context.items() if key in used}

    def digest(self, request: RenderRequest, source: Source) -> str:
        """Return the digest of a request.

        Raises:
            TypeError: the context is not plain JSON data.
        """
        parts = [f"{key}={self._part(value)}" for key, value in sorted(self.context(request, source).items())]
        scoped = ",".join(sorted(request.cluster_scoped))
        return _hash(_versions(source.program), source.digest, request.namespace or "", scoped, *parts)

    def _part(self, value: Any) -> str:
        if not isinstance(value, (Mapping, list)):
            return sha256(frames.encode(value)).hexdigest()
        known = self._parts.get(id(value))
        if known is None:
            self._kept.append(value)
            known = self._parts[id(value)] = sha256(frames.encode(value)).hexdigest()
        return known


@cache
def _versions(program: bool) -> str:
    """Return the versions of everything that decides what is rendered."""
    libraries = ("pulumi", "pulumi-kubernetes") if program else ("Jinja2", "PyYAML")
    return " ".join([RENDERER_VERSION, *(version(name) for name in libraries)])


def _hash(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
