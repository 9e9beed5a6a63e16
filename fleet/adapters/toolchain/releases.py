"""Fetches official releases: verified against the publisher's checksums, which are remembered and may not change."""

from __future__ import annotations

import hashlib
import json
import queue
import tarfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from fleet.adapters.toolchain.catalogue import Mirror, Platform, Release, Tool
from fleet.adapters.toolchain.counting import Counter
from fleet.errors import ToolError
from fleet.files import write_atomically
from fleet.model.events import Level, Message
from fleet.ports.reporter import Reporter

_PROBE_SECONDS = 3.0
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_MEGABYTE = 1_000_000
_ALGORITHMS = {64: "sha256", 128: "sha512"}


def host_of(url: str) -> str:
    """Return the origin of a URL, like `https://dl.k8s.io`; without credentials."""
    parsed = httpx.URL(url)
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{parsed.host}{port}"


class Hosts:
    """Says which hosts answer. All are asked at once, each once, and none is waited for longer than a few seconds.

    A host that swallows packets would otherwise cost a minute or more per file; so can a name server.
    """

    def __init__(self, seconds: float = _PROBE_SECONDS) -> None:
        self._seconds = seconds
        self._known: dict[str, str] = {}

    def probe(self, hosts: Iterable[str]) -> None:
        """Ask those of the hosts that were not asked before."""
        asked = sorted(set(hosts) - set(self._known))
        answers: queue.Queue[tuple[str, str]] = queue.Queue()
        for host in asked:
            # Daemons: a thread that hangs in name resolution must not keep the process alive.
            threading.Thread(target=self._ask, args=(host, answers), daemon=True).start()
        self._known.update(dict.fromkeys(asked, f"no answer within {self._seconds:g} s"))
        deadline = time.monotonic() + self._seconds
        missing = set(asked)
        while missing:
            try:
                host, reason = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return
            self._known[host] = reason
            missing.discard(host)

    def reason(self, host: str) -> str:
        """Return why a host does not serve; empty if it answers."""
        self.probe([host])
        return self._known[host]

    def _ask(self, host: str, answers: queue.Queue[tuple[str, str]]) -> None:
        try:
            with httpx.Client(timeout=self._seconds) as client:
                client.head(host)
            answers.put((host, ""))
        except httpx.HTTPError as error:
            answers.put((host, _cause(error)))


class ReleaseFetcher:
    """Fetches programs from official releases into a directory.

    Args:
        directory: for unfinished downloads, which are taken up again, and the lock file of checksums.
    """

    def __init__(self, directory: Path, reporter: Reporter, platform: Platform) -> None:
        self._directory = directory
        self._reporter = reporter
        self._platform = platform
        self._lock = ChecksumLock(directory / "checksums.json")

    def hosts(self, tool: Tool) -> set[str]:
        """Return the hosts that publish a program for this platform."""
        if tool.release is None or self._platform.system not in tool.release.systems:
            return set()
        return {host_of(mirror.url) for mirror in tool.release.mirrors}

    def fetch(self, tool: Tool, hosts: Hosts, target: Path) -> tuple[bool, str]:
        """Put a program at a path.

        Returns:
            Whether it worked, and if not why not.

        Raises:
            ToolError: a checksum is wrong, or differs from the one that is remembered.
        """
        release = tool.release
        if release is None:
            return False, "there is no official release"
        if self._platform.system not in release.systems:
            return False, f"there is no official release for {self._platform.system}"
        reasons = []
        for mirror in release.mirrors:
            host = host_of(mirror.url)
            reason = hosts.reason(host)
            if not reason:
                try:
                    self._from_mirror(tool, release, mirror, target)
                    return True, ""
                except (httpx.HTTPError, OSError, tarfile.TarError) as error:
                    reason = _cause(error)
            reasons.append(f"{host}: {reason}")
        return False, "; ".join(reasons)

    def _from_mirror(self, tool: Tool, release: Release, mirror: Mirror, target: Path) -> None:
        url = release.fill(mirror.url, tool.version, self._platform)
        file = url.rpartition("/")[2]
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            sums = client.get(release.fill(mirror.checksums, tool.version, self._platform)).raise_for_status().text
            expected = published_checksum(sums, file)
            if expected is None:
                raise ToolError(
                    f"{host_of(url)} publishes no checksum of `{file}`, so `{tool.name}` is not taken from there",
                    code="FLT-TLC-003",
                )
            self._lock.check(url, expected)
            part = self._directory / f"{expected[:16]}-{file}.part"
            title = f"fetch {tool.name} {tool.version}"
            resumed = self._download(client, url, part, title)
            if resumed and _digest(part, expected) != expected:
                part.unlink()  # what an earlier run left was damaged
                self._download(client, url, part, title)
        if _digest(part, expected) != expected:
            part.unlink()
            raise ToolError(
                f"what {host_of(url)} sent as `{file}` does not have the checksum that is published for it",
                code="FLT-TLC-003",
                hints=(f"try again; if it persists, do not use this network: `fleet toolchain install {tool.name}`",),
            )
        self._lock.remember(url, expected)
        _extract(part, release.fill(release.member, tool.version, self._platform), target)
        part.unlink(missing_ok=True)

    def _download(self, client: httpx.Client, url: str, part: Path, title: str) -> bool:
        """Append to (or begin) a file; say whether it was taken up again."""
        part.parent.mkdir(parents=True, exist_ok=True)
        present = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity"}  # the file as it is published, not unpacked on the way
        if present:
            headers["Range"] = f"bytes={present}-"
        with client.stream("GET", url, headers=headers) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return True  # all is there; the checksum decides
            answer.raise_for_status()
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            size = int(answer.headers.get("Content-Length") or 0)
            if resumed:
                self._reporter.emit(Message(Level.DEBUG, f"resumed after {present // _MEGABYTE} MB"))
            counter = Counter(self._reporter, title, max(1, size // _MEGABYTE), "MB")
            counter.start()
            with part.open("ab" if resumed else "wb") as file:
                pending = 0
                for chunk in answer.iter_raw(1 << 18):
                    file.write(chunk)
                    pending += len(chunk)
                    counter.advance(pending // _MEGABYTE)
                    pending %= _MEGABYTE
            counter.finish()
        return resumed


class ChecksumLock:
    """Remembers the checksum of every file that was fetched. The same URL must keep its checksum for ever."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self, url: str, checksum: str) -> None:
        """Compare what is published now with what is remembered.

        Raises:
            ToolError: they differ.
        """
        remembered = self._load().get(url)
        if remembered not in (None, checksum):
            raise ToolError(
                f"the published checksum of `{url}` has changed since it was fetched first: "
                f"`{remembered}` has become `{checksum}`",
                code="FLT-TLC-003",
                hints=(f"if the publisher has announced the change, remove the line from `{self.path}`",),
            )

    def remember(self, url: str, checksum: str) -> None:
        """Remember a checksum that was verified."""
        known = self._load()
        if known.get(url) != checksum:
            write_atomically(self.path, json.dumps({**known, url: checksum}, indent=1, sort_keys=True) + "\n")

    def _load(self) -> Mapping[str, str]:
        try:
            data = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise ToolError(
                f"the lock file of checksums `{self.path}` cannot be read",
                code="FLT-TLC-003",
                hints=("remove it to trust the publishers' present checksums",),
            )
        return data


def published_checksum(text: str, file: str) -> str | None:
    """Return the checksum of a file from what a publisher offers: a lone checksum, lines of them, or GitHub's JSON."""
    if text.lstrip().startswith("{"):
        return _github_checksum(text, file)
    lines: Sequence[list[str]] = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1:
        return _checksum(lines[0][0])
    for words in lines:
        # `<sum>  <file>`, `<sum> *<file>` or `<sum>  ./<file>`
        if len(words) == 2 and words[1].lstrip("*").removeprefix("./") == file:
            return _checksum(words[0])
    return None


def _github_checksum(text: str, file: str) -> str | None:
    data: Any = {}
    with suppress(ValueError):
        data = json.loads(text)
    for asset in data.get("assets") or []:
        algorithm, _, checksum = str(asset.get("digest") or "").partition(":")
        if asset.get("name") == file and algorithm in _ALGORITHMS.values():
            return _checksum(checksum)
    return None


def _checksum(word: str) -> str | None:
    word = word.lower()
    return word if len(word) in _ALGORITHMS and all(c in "0123456789abcdef" for c in word) else None


def _digest(path: Path, like: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _ALGORITHMS[len(like)]).hexdigest()


def _extract(part: Path, member: str, target: Path) -> None:
    """Put a downloaded program, or one member of a downloaded archive, at a path, executable."""
    if not member:
        part.chmod(0o755)
        part.replace(target)
        return
    with tarfile.open(part) as archive:
        names = [n for n in archive.getnames() if n.removeprefix("./") == member]
        content = archive.extractfile(names[0]) if names else None
        if content is None:
            raise tarfile.TarError(f"the archive has no `{member}`")
        with target.open("wb") as file:
            while chunk := content.read(1 << 20):
                file.write(chunk)
    target.chmod(0o755)


def _cause(error: Exception) -> str:
    """Return a short reason, without the URL and its query."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code}"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
