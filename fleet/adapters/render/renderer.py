"""The renderer port: looks into the cache first, and hands what is missing to jailed processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from fleet.adapters.render import codes
from fleet.adapters.render.cache import DiskCache
from fleet.adapters.render.inputs import CONTEXT_KEYS, Digester, Source
from fleet.adapters.render.process import PROGRAM, TEMPLATES, Failure, Jail, Job
from fleet.errors import Location, Problem
from fleet.ports.renderer import RenderRequest, RenderResult

_REMEMBERED = 2048
"""How many results stay in memory between calls."""

_HINTS = {
    codes.CPU_TIME: "look for a loop over too much, or for loops inside of loops",
    codes.WALL_TIME: "look for a loop over too much, or for loops inside of loops",
    codes.MEMORY: "render less at once: look for long repetitions and large ranges",
    codes.OUTPUT: "render less at once: look for long repetitions and large ranges",
}


class JailedRenderer:
    """Renders in jailed child processes; see :mod:`fleet.adapters.render.jail`. Safe to call from several threads.

    Args:
        cache: directory of rendered objects; all of it can be deleted at any time.
        workers: how many processes render at the same time. None is started while the cache has
            everything, unless :meth:`prepare` was called.
        cpu_seconds: processor time that one app may take.
        wall_seconds: time on the clock that one app may take; more than the former, since machines are busy.
        program_seconds: what a Pulumi program may take of both, in place of the other two.
    """

    def __init__(
        self,
        cache: Path,
        *,
        workers: int = 2,
        cpu_seconds: float = 5.0,
        wall_seconds: float = 30.0,
        program_seconds: tuple[float, float] = (15.0, 60.0),
    ) -> None:
        self._cache = DiskCache(cache)
        self._jail = Jail(workers)
        self._lock = Lock()
        self._limits = {TEMPLATES: (cpu_seconds, wall_seconds), PROGRAM: program_seconds}
        self._remembered: dict[str, RenderResult] = {}
        self._wrote = False

    @property
    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """What confines the jailed processes that run at present, by their kind."""
        return self._jail.layers

    def render(self, requests: Sequence[RenderRequest]) -> Sequence[RenderResult]:
        """Render many requests; equal ones are rendered once and share their objects."""
        with self._lock:
            return self._render(requests)

    def prepare(self) -> None:
        """Start a process for templates, where something new is going to be rendered. For the main thread only.

        The kernel ends a jailed process together with the thread that started it.
        """
        with self._lock:
            self._jail.prepare(TEMPLATES)

    def close(self) -> None:
        """Stop the jailed processes."""
        with self._lock:
            self._jail.close()
            if self._wrote:
                self._wrote = False
                self._cache.prune()

    def _render(self, requests: Sequence[RenderRequest]) -> list[RenderResult]:
        digester = Digester()
        sources = [digester.source(request) for request in requests]
        self._settle({source.digest: source for source in sources})
        digests: list[str] = []
        found: dict[str, RenderResult] = {}
        jobs: dict[str, Job] = {}
        for request, source in zip(requests, sources, strict=True):
            digest = _digest(digester, request, source)
            digests.append(digest)
            if digest in found or digest in jobs:
                continue
            known = self._known(digest, source)
            if known is not None:
                found[digest] = known
            else:
                jobs[digest] = self._job(request, source, digester)
        self._jail.run(list(jobs.values()))
        for digest, job in jobs.items():
            found[digest] = self._finish(digest, job)
        for digest in found:
            self._remember(digest, found[digest])
        return [found[digest] for digest in digests]

    def _settle(self, sources: Mapping[str, Source]) -> None:
        """Find out which part of the context each set of files can see."""
        jobs: dict[str, Job] = {}
        for digest, source in sources.items():
            if not source.needs_analysis or source.problems:
                source.settle()
                continue
            known = self._cache.get(_names_key(digest))
            if isinstance(known, list):
                source.settle(known)
            else:
                jobs[digest] = self._ask_names(source)
        self._jail.run(list(jobs.values()))
        for digest, job in jobs.items():
            names = job.result.get("names") if isinstance(job.result, dict) else None
            sources[digest].settle(names)
            if isinstance(names, list):
                self._put(_names_key(digest), names)

    def _ask_names(self, source: Source) -> Job:
        request = {"do": "names", "app": source.app, "files": source.files, "wanted": list(CONTEXT_KEYS)}
        return Job(TEMPLATES, request, *self._limits[TEMPLATES])

    def _job(self, request: RenderRequest, source: Source, digester: Digester) -> Job:
        kind = PROGRAM if source.program else TEMPLATES
        message: dict[str, Any] = {
            "do": "render",
            "app": request.app,
            "files": source.files,
            "digest": source.digest,
            "context": digester.context(request, source),
            "namespace": request.namespace,
            "cluster_scoped": list(request.cluster_scoped),
        }
        return Job(kind, message, *self._limits[kind])

    def _known(self, digest: str, source: Source) -> RenderResult | None:
        if source.problems:
            return RenderResult((), tuple(source.problems))
        if digest == _NOT_JSON:
            where = Location(f"apps/{source.app}")
            return RenderResult((), (Problem("FLT-RND-001", "its values are not plain JSON data", where),))
        if digest in self._remembered:
            return self._remembered[digest]
        objects = self._cache.get(digest)
        return RenderResult(tuple(objects)) if isinstance(objects, list) else None

    def _finish(self, digest: str, job: Job) -> RenderResult:
        answer = job.result
        if not isinstance(answer, dict):
            failure = answer or Failure(codes.CRASHED, "the process that renders gave no answer")
            return RenderResult((), (_limit_problem(failure, job),))
        problems = tuple(_problem(found) for found in answer.get("problems", ()))
        if not problems:
            self._put(digest, answer["objects"])
        return RenderResult(tuple(answer["objects"]), problems)

    def _put(self, digest: str, value: Any) -> None:
        self._wrote = True
        self._cache.put(digest, value)

    def _remember(self, digest: str, result: RenderResult) -> None:
        """Keep good results, so that the next call gives the same objects; problems may be a busy machine's fault."""
        if result.problems:
            return
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.pop(next(iter(self._remembered)))
        self._remembered[digest] = result


_NOT_JSON = "not JSON"


def _digest(digester: Digester, request: RenderRequest, source: Source) -> str:
    if source.problems:
        return f"unreadable {source.digest}"
    try:
        return digester.digest(request, source)
    except TypeError:
        return _NOT_JSON


def _names_key(digest: str) -> str:
    return f"{digest}-names"


def _limit_problem(failure: Failure, job: Job) -> Problem:
    root = f"apps/{job.request['app']}"
    path = f"{root}/program.py" if job.kind == PROGRAM else f"{root}/templates"
    return Problem(failure.code, failure.message, Location(path), _HINTS.get(failure.code))


def _problem(found: Mapping[str, Any]) -> Problem:
    """Return a problem that a jailed process found."""
    path = found.get("path")
    location = Location(str(path), found.get("line")) if path else None
    code = str(found["code"])
    return Problem(code, str(found["message"]), location, found.get("hint") or _HINTS.get(code))
