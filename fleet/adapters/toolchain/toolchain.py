"""The toolchain: every external program that fleet drives, from the first of five sources that serves.

Configured path, PATH with a fitting version, our cache, official release, build from pinned Go modules.
"""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.adapters.toolchain.catalogue import CATALOGUE, Platform, Tool
from fleet.adapters.toolchain.finding import Finder, Found, Search, Versions
from fleet.errors import ToolError, UsageError
from fleet.files import exclusive
from fleet.model.durations import human
from fleet.model.events import Level, Message
from fleet.model.toolchain import InstalledTool, Source, ToolStatus, fits
from fleet.ports.reporter import Reporter

if TYPE_CHECKING:
    from fleet.adapters.toolchain.building import GoBuilder
    from fleet.adapters.toolchain.releases import Hosts, ReleaseFetcher


class Toolchain:
    """Finds and gets programs (:class:`fleet.ports.toolchain.Toolchain`).

    Args:
        cache: directory of our own cache; made when something is put there.
        configured: paths from the settings; an environment variable `FLEET_TOOL_<NAME>` goes before them.
        environment: environment of this process, where not another one is given.
        catalogue: the programs.
        modules: directory of pinned Go modules, where not the ones that are shipped.
    """

    def __init__(
        self,
        cache: Path,
        configured: Mapping[str, Path],
        reporter: Reporter,
        *,
        environment: Mapping[str, str] | None = None,
        catalogue: Sequence[Tool] = CATALOGUE,
        modules: Path | None = None,
    ) -> None:
        self._cache = cache
        self._reporter = reporter
        self._environment = dict(os.environ if environment is None else environment)
        self._tools = {tool.name: tool for tool in catalogue}
        self._modules = modules
        self._finder = Finder(
            cache, configured, self._environment, Versions(cache / "versions.json", self._environment)
        )

    def path(self, name: str) -> Path:
        """Return the path of a program, without getting it.

        Raises:
            ToolError: it is not there.
            UsageError: there is no program of that name.
        """
        tool = self._tool(name)
        search = self._finder.search(tool)
        if search.found is None:
            raise ToolError(
                f"`{name}` {tool.version} is not installed{_reasons(search)}",
                hints=(f"fleet toolchain install {name}" if tool.optional else "fleet toolchain install",),
            )
        return search.found.path

    def list(self) -> Sequence[ToolStatus]:
        """Return all programs, found or not."""
        return [self._status(tool) for tool in self._tools.values()]

    def install(self, names: Sequence[str] = ()) -> Sequence[InstalledTool]:
        """Make programs ready: the named ones, or all that are not optional.

        Raises:
            ToolError: a program cannot be obtained; says for each source why it did not serve.
            UsageError: there is no program of that name.
        """
        tools = [self._tool(name) for name in dict.fromkeys(names)]
        tools = tools or [tool for tool in self._tools.values() if not tool.optional]
        ready: dict[str, InstalledTool] = {}
        missing = []
        for tool in tools:
            found = self._finder.search(tool).found
            if found:
                ready[tool.name] = _installed(tool, found)
            else:
                missing.append(tool)
        if missing:
            self._probe(missing)
        for group, members in groupby(sorted(missing, key=lambda t: t.group), key=lambda t: t.group):
            for result in self._install_group(group, list(members)):
                ready[result.name] = result
        return [ready[tool.name] for tool in tools]

    def _install_group(self, group: str, tools: Sequence[Tool]) -> Sequence[InstalledTool]:
        def waiting(holder: str) -> None:
            self._say(Level.WAIT, f"waiting for {holder}")

        names = ", ".join(tool.name for tool in tools)
        with exclusive(self._cache / "locks" / f"{group}.lock", f"installs {names}", waiting) as lock:
            return [self._install(tool, lock) for tool in tools]

    def _install(self, tool: Tool, lock: int) -> InstalledTool:
        begun = time.monotonic()
        search = self._finder.search(tool)
        if search.found:  # somebody else was faster
            return _installed(tool, search.found)
        target = self._finder.cached(tool)
        part = target.with_name(f"{tool.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        source = self._obtain(tool, search, part, lock)
        if source is None:
            with suppress(OSError):
                part.parent.rmdir()
            raise ToolError(f"`{tool.name}` {tool.version} cannot be obtained{_reasons(search)}", hints=_hints(tool))
        version = self._finder.versions.of(tool, part)
        if version is None or (version and not fits(version, tool.version)):
            part.unlink(missing_ok=True)
            raise ToolError(
                f"what was obtained as `{tool.name}` {tool.version} ({source.value}) "
                f"{f'is {version}' if version else 'does not run on this machine'}",
                code="FLT-TLC-004",
                hints=_hints(tool),
            )
        part.replace(target)
        seconds = time.monotonic() - begun
        done = "built" if source is Source.BUILD else "fetched"
        self._say(Level.OK, f"{tool.name} {version or tool.version} {done} in {human(seconds)}")
        return InstalledTool(
            name=tool.name,
            version=version or tool.version,
            source=source,
            path=target,
            seconds=round(seconds, 1),
        )

    def _obtain(self, tool: Tool, search: Search, part: Path, lock: int) -> Source | None:
        fetched, reason = self._fetcher.fetch(tool, self._hosts, part)
        if fetched:
            return Source.RELEASE
        search.failed("release", reason)
        if tool.build:
            self._say(Level.STEP, f"building {tool.name} {tool.version} from Go modules (release: {reason})")
        built, reason = self._builder.build(tool, self._hosts, part, lock)
        if built:
            return Source.BUILD
        search.failed("build", reason)
        return None

    def _probe(self, tools: Sequence[Tool]) -> None:
        """Ask all release hosts at once, anew with every install."""
        from fleet.adapters.toolchain.releases import Hosts

        self._hosts: Hosts = Hosts()
        self._hosts.probe({host for tool in tools for host in self._fetcher.hosts(tool)})

    @cached_property
    def _fetcher(self) -> ReleaseFetcher:
        from fleet.adapters.toolchain.releases import ReleaseFetcher

        return ReleaseFetcher(self._cache / "downloads", self._reporter, Platform.here())

    @cached_property
    def _builder(self) -> GoBuilder:
        from fleet.adapters.toolchain.building import MODULES, GoBuilder

        return GoBuilder(self._cache, self._reporter, self._environment, self._modules or MODULES)

    def _tool(self, name: str) -> Tool:
        tool = self._tools.get(name)
        if tool is None:
            close = difflib.get_close_matches(name, self._tools, 1)
            hint = f"did you mean `{close[0]}`? " if close else ""
            raise UsageError(
                f"fleet drives no program `{name}`", hints=(f"{hint}list them with `fleet toolchain list`",)
            )
        return tool

    def _status(self, tool: Tool) -> ToolStatus:
        note = ""
        search = Search(tool)
        try:
            search = self._finder.search(tool)
        except ToolError as error:
            note = error.message
        found = search.found
        if found and found.version and not fits(found.version, tool.version):
            note = f"configured, though {tool.version} is wanted"
        return ToolStatus(
            name=tool.name,
            wanted=tool.version,
            found=found.version or None if found else None,
            source=found.source if found else None,
            path=found.path if found else None,
            optional=tool.optional,
            note=note,
        )

    def _say(self, level: Level, text: str) -> None:
        self._reporter.emit(Message(level, text))


def _installed(tool: Tool, found: Found) -> InstalledTool:
    return InstalledTool(name=tool.name, version=found.version or tool.version, source=found.source, path=found.path)


def _reasons(search: Search) -> str:
    return "".join("\n  " + f"{source}: {reason}".replace("\n", "\n    ") for source, reason in search.reasons)


def _hints(tool: Tool) -> tuple[str, ...]:
    proxy = ", or to a Go module proxy (`GOPROXY`)" if tool.build else ""
    return (
        f"name a program that you have: `export {tool.variable}=/path/to/{tool.name}`",
        f"or allow access to the release hosts{proxy}",
    )
