"""Rendered objects on disk, by the digest of everything that they were made of."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

KEEP_SECONDS = 30 * 86400.0
KEEP_BYTES = 512 * 1024 * 1024
_PRUNE_EVERY = 86400.0
_TOUCH_AFTER = 86400.0
_CHECKSUM = 64


class DiskCache:
    """Files `<2 hex>/<digest>.json`: a checksum, and JSON. What cannot be read back is as if it were not there.

    Entries may hold Secrets as the repository has them, so nobody else may read them. Safe for several processes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._usable = True

    def get(self, digest: str) -> Any:
        """Return the entry, or None."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        body = data[_CHECKSUM:]
        if sha256(body).hexdigest().encode() != data[:_CHECKSUM]:
            return None
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(body)
            self._touch(path)
            return value
        return None

    def put(self, digest: str, value: Any) -> None:
        """Save an entry. A disk that is full or read-only costs time later, and is no error.

        Not synced to disk: the checksum tells a torn file, and writing it again is cheap.
        """
        if not self._usable:
            return
        path = self._path(digest)
        body = orjson.dumps(value)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(sha256(body).hexdigest().encode() + body)
            Path(name).replace(path)
        except OSError:
            self._usable = False

    def prune(self) -> None:
        """Remove entries that were not used for long, and the oldest ones of too many; at most once a day."""
        stamp = self._directory / "pruned"
        now = time.time()
        with suppress(OSError):
            if stamp.exists() and now - stamp.stat().st_mtime < _PRUNE_EVERY:
                return
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            stamp.touch()
            self.remove_old(now)

    def remove_old(self, now: float) -> None:
        """Remove entries that are too old or too many, seen from a time (seconds since 1970)."""
        entries: list[tuple[float, int, Path]] = []
        for path in self._directory.glob("??/*"):
            with suppress(OSError):
                info = path.stat()
                entries.append((info.st_mtime, info.st_size, path))
        total = 0
        for modified, size, path in sorted(entries, reverse=True):
            total += size
            if now - modified > KEEP_SECONDS or total > KEEP_BYTES:
                with suppress(OSError):
                    path.unlink()

    def _touch(self, path: Path) -> None:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _TOUCH_AFTER:
                path.touch()

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / f"{digest}.json"
