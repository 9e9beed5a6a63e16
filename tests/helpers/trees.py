"""Trees of files for tests: from a dict, or from a directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent

from fleet.errors import GitError
from fleet.ports.tree import EntryKind, TreeEntry


class MemoryTree:
    """Implements ``fleet.ports.tree.Tree`` on a dict. An :class:`EntryKind` instead of content makes such an entry."""

    def __init__(
        self, files: Mapping[str, str | bytes | EntryKind], revision: str | None = None, origin: str = "the test"
    ) -> None:
        self._entries: dict[str, TreeEntry] = {}
        self._contents: dict[str, bytes] = {}
        for path, content in sorted(files.items()):
            if isinstance(content, EntryKind):
                self._entries[path] = TreeEntry(path, content, 0)
                continue
            data = dedent(content).encode() if isinstance(content, str) else content
            self._entries[path] = TreeEntry(path, EntryKind.FILE, len(data))
            self._contents[path] = data
        self._revision = revision
        self._origin = origin

    @classmethod
    def of_directory(cls, directory: Path) -> MemoryTree:
        """Return the files of a directory; links are listed, not followed."""
        files: dict[str, str | bytes | EntryKind] = {}
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            if path.is_symlink():
                files[name] = EntryKind.SYMLINK
            elif path.is_file():
                files[name] = path.read_bytes()
        return cls(files, origin=str(directory))

    @property
    def revision(self) -> str | None:
        return self._revision

    @property
    def origin(self) -> str:
        return self._origin

    def entries(self, prefix: str = "") -> Sequence[TreeEntry]:
        return [e for p, e in self._entries.items() if not prefix or p == prefix or p.startswith(f"{prefix}/")]

    def read(self, path: str) -> bytes:
        if path not in self._contents:
            raise GitError(f"there is no file `{path}`")
        return self._contents[path]

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        return {path: self.read(path) for path in paths}
