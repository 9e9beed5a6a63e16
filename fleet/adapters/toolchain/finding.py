"""Looks for programs on this machine: configured path, PATH, Pulumi's plugins, our cache."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fleet.adapters.toolchain.catalogue import Tool
from fleet.errors import ToolError
from fleet.files import write_atomically
from fleet.model.toolchain import Source, fits, parse_version

_VERSION_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """A program on this machine. The version is empty if it does not tell."""

    path: Path
    source: Source
    version: str


@dataclass(slots=True)
class Search:
    """Outcome of looking for one program: the find, or why each source did not serve."""

    tool: Tool
    found: Found | None = None
    reasons: list[tuple[str, str]] = field(default_factory=list)

    def failed(self, source: str, reason: str) -> None:
        """Note why a source did not serve."""
        self.reasons.append((source, reason))


class Versions:
    """Asks programs for their versions, and remembers the answers by path, time of change and size."""

    def __init__(self, memory: Path, environment: Mapping[str, str]) -> None:
        self._memory = memory
        self._environment = environment
        self._known: dict[str, str] | None = None
        self._lock = threading.Lock()

    def of(self, tool: Tool, path: Path) -> str | None:
        """Return what a program says about its version; None if it cannot be run or says nothing."""
        if not tool.arguments:
            return ""
        try:
            state = path.stat()
        except OSError:
            return None
        key = f"{path}|{state.st_mtime_ns}|{state.st_size}"
        with self._lock:
            if self._known is None:
                self._known = self._load()
            if key in self._known:
                return self._known[key]
        version = self._ask(tool, path)
        if version is not None:
            self._remember(key, version)
        return version

    def _ask(self, tool: Tool, path: Path) -> str | None:
        environment = {**self._environment, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        try:
            answer = subprocess.run(
                [str(path), *tool.arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_VERSION_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return parse_version(answer.stdout) or parse_version(answer.stderr)

    def _load(self) -> dict[str, str]:
        try:
            data = json.loads(self._memory.read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}

    def _remember(self, key: str, version: str) -> None:
        with self._lock:
            # Others may have written since; a lost entry only costs another question.
            self._known = {**self._load(), key: version}
            path = key.rsplit("|", 2)[0]
            kept = {k: v for k, v in self._known.items() if k == key or k.rsplit("|", 2)[0] != path}
            with suppress(OSError):
                write_atomically(self._memory, json.dumps(kept, indent=1, sort_keys=True))


class Finder:
    """Looks for programs in the first three sources."""

    def __init__(
        self, cache: Path, configured: Mapping[str, Path], environment: Mapping[str, str], versions: Versions
    ) -> None:
        self._cache = cache
        self._configured = configured
        self._environment = environment
        self.versions = versions

    def cached(self, tool: Tool) -> Path:
        """Return where our cache keeps (or would keep) a program."""
        revision = f"-r{tool.build.revision}" if tool.build and tool.build.revision else ""
        return self._cache / "bin" / f"{tool.name}-{tool.version}{revision}" / tool.name

    def search(self, tool: Tool) -> Search:
        """Look for a program.

        Raises:
            ToolError: a path is configured, and no program is there. What a person asked for is not replaced silently.
        """
        result = Search(tool)
        result.found = self._at_configured(result) or self._on_path(result) or self.in_cache(result)
        return result

    def in_cache(self, result: Search) -> Found | None:
        """Look in our cache only."""
        tool = result.tool
        path = self.cached(tool)
        if not path.exists():
            result.failed("cache", f"nothing at `{path}`")
            return None
        version = self.versions.of(tool, path)
        if version is None:
            result.failed("cache", f"`{path}` does not run")
            return None
        return Found(path, Source.CACHE, version or tool.version)

    def _at_configured(self, result: Search) -> Found | None:
        tool = result.tool
        named = self._environment.get(tool.variable)
        path = Path(named) if named else self._configured.get(tool.name)
        if path is None:
            result.failed("configured", f"`{tool.variable}` is not set")
            return None
        where = f"by `{tool.variable}`" if named else "in the settings"
        path = path.expanduser().absolute()
        version = self.versions.of(tool, path) if _executable(path) else None
        if version is None:
            raise ToolError(
                f"`{path}`, which is configured {where}, is not a program that tells its version as `{tool.name}` does",
                code="FLT-TLC-002",
                hints=(f"correct the path, or unset it and run `fleet toolchain install {tool.name}`",),
            )
        return Found(path, Source.CONFIGURED, version)

    def _on_path(self, result: Search) -> Found | None:
        tool = result.tool
        seen = []
        for path in self._candidates(tool):
            if not tool.arguments:
                return Found(path, Source.PATH, tool.version)
            version = self.versions.of(tool, path)
            if version and fits(version, tool.version):
                return Found(path, Source.PATH, version)
            seen.append(f"`{path}` is {version or 'of unknown version'}")
        result.failed("PATH", "; ".join(seen) or f"no `{tool.name}`")
        return None

    def _candidates(self, tool: Tool) -> Iterator[Path]:
        if tool.plugin:
            home = Path(self._environment.get("PULUMI_HOME") or Path(self._environment.get("HOME", "/")) / ".pulumi")
            plugin = home / "plugins" / f"{tool.plugin}-v{tool.version}" / tool.name
            if _executable(plugin):
                yield plugin
        if tool.arguments:  # a program that does not tell its version cannot be trusted to fit
            for directory in self._environment.get("PATH", "").split(os.pathsep):
                path = Path(directory) / tool.name
                if directory and path.is_absolute() and _executable(path):
                    yield path


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
