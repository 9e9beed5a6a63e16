"""Trees of files: a commit out of the object store, and the work tree on disk."""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from fleet.adapters.git.names import check_path, printable
from fleet.adapters.git.objects import Child, ObjectReader
from fleet.adapters.git.process import GitProcess
from fleet.errors import FleetError, GitError, Location
from fleet.ports.tree import EntryKind, TreeEntry

_KINDS = {"100": EntryKind.FILE, "120": EntryKind.SYMLINK, "160": EntryKind.SUBMODULE}
_SKIPPED = frozenset({".git", ".fleet"})
_FEW = 48
"""Up to so many entries, asking the process that reads objects for each is faster than starting ``git ls-tree``."""


class Listings:
    """Recursive listings of trees, by tree id: one ``ls-tree`` each, however many commits share the tree."""

    def __init__(self, process: GitProcess, objects: ObjectReader) -> None:
        self._process = process
        self._objects = objects
        self._known: dict[str, tuple[TreeEntry, ...]] = {}
        self._indexes: dict[str, dict[str, TreeEntry]] = {}

    def of(self, tree: str) -> tuple[TreeEntry, ...]:
        """Return every entry below a tree, paths relative to it, sorted."""
        known = self._known.get(tree)
        if known is None:
            found = self._few(tree)
            if found is None:
                found = _parse_listing(self._process.run(["ls-tree", "-r", "-l", "-z", "--full-tree", tree]).out)
            known = self._known[tree] = tuple(sorted(found, key=lambda e: e.path))
        return known

    def _few(self, tree: str) -> Iterable[TreeEntry] | None:
        """List a small tree object by object; None for one that is not small."""
        found: list[tuple[str, Child]] = []
        pending = [("", tree)]
        while pending:
            prefix, here = pending.pop()
            for name, child in self._objects.children(here).items():
                if child.is_directory:
                    pending.append((f"{prefix}{name}/", child.oid))
                else:
                    found.append((prefix + name, child))
            if len(found) + len(pending) > _FEW:
                return None
        return [self._entry(path, child) for path, child in found]

    def _entry(self, path: str, child: Child) -> TreeEntry:
        kind = _KINDS.get(child.mode[:3], EntryKind.OTHER)
        size = self._objects.size(child.oid) if kind in (EntryKind.FILE, EntryKind.SYMLINK) else 0
        return TreeEntry(path, kind, size, child.oid)

    def known(self, tree: str) -> tuple[TreeEntry, ...] | None:
        """Return a listing that was made before."""
        return self._known.get(tree)

    def index(self, tree: str) -> Mapping[str, TreeEntry] | None:
        """Return a listing that was made before, by path."""
        found = self._indexes.get(tree)
        if found is None and tree in self._known:
            found = self._indexes[tree] = {entry.path: entry for entry in self._known[tree]}
        return found


class GitTree:
    """Files of a commit. Nothing is ever checked out."""

    def __init__(self, revision: str, tree: str, origin: str, objects: ObjectReader, listings: Listings) -> None:
        self._revision = revision
        self._tree = tree
        self._origin = origin
        self._objects = objects
        self._listings = listings

    @property
    def revision(self) -> str | None:
        """Commit id."""
        return self._revision

    @property
    def origin(self) -> str:
        """Where the files come from, for people."""
        return self._origin

    def entries(self, prefix: str = "") -> Sequence[TreeEntry]:
        """Return every entry below a directory, recursively, sorted by path."""
        prefix = check_path(prefix.rstrip("/"))
        if not prefix:
            return self._listings.of(self._tree)
        whole = self._listings.known(self._tree)
        if whole is not None:
            return _below(whole, prefix)
        found = self._objects.find(self._tree, prefix)
        if found is None:
            return ()
        if found.is_directory:
            return tuple(TreeEntry(f"{prefix}/{e.path}", e.kind, e.size, e.oid) for e in self._listings.of(found.oid))
        size = len(self._objects.blob(found.oid)) if found.mode[:3] in ("100", "120") else 0
        return (TreeEntry(prefix, _KINDS.get(found.mode[:3], EntryKind.OTHER), size, found.oid),)

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return self._objects.blob(self._file(path))

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of many files."""
        oids = {path: self._file(path) for path in paths}
        contents = self._objects.blobs(oids.values())
        return {path: contents[oid] for path, oid in oids.items()}

    def _file(self, path: str) -> str:
        """Return the id of a plain file, from a listing if there is one of a directory on the way."""
        here, rest = Child("40000", self._tree), check_path(path)
        while rest:
            listed = self._listings.index(here.oid) if here.is_directory else {}
            if listed is not None:
                entry = listed.get(rest)
                if entry is None:
                    break
                if entry.kind is not EntryKind.FILE:
                    raise _not_plain(path, entry.kind)
                return entry.oid
            part, _, rest = rest.partition("/")
            found = self._objects.children(here.oid).get(part)
            if found is None:
                break
            here = found
        else:
            if here.is_file:
                return here.oid
            if path:
                raise _not_plain(path, _KINDS.get(here.mode[:3]))
        raise _no_file(path, self._origin)


class WorkTree:
    """Files on disk. Links are listed and never followed, also not on the way to a file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def revision(self) -> str | None:
        """None: files on disk belong to no commit."""
        return None

    @property
    def origin(self) -> str:
        """The directory."""
        return str(self._root)

    def entries(self, prefix: str = "") -> Sequence[TreeEntry]:
        """Return every entry below a directory, recursively, sorted by path, without `.git` and `.fleet`."""
        prefix = check_path(prefix.rstrip("/"))
        try:
            handle = self._open(prefix, os.O_RDONLY | os.O_DIRECTORY)
        except NotADirectoryError:
            return self._single(prefix)
        except OSError as error:
            if _is_absent(error):
                return self._single(prefix)
            raise _unreadable(prefix, error) from error
        os.close(handle)
        return tuple(sorted(self._walk(prefix), key=lambda e: e.path))

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        if not check_path(path):
            raise _no_file(path, self.origin)
        try:
            # Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
            handle = self._open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise _no_file(path, self.origin) from error
            if _is_absent(error):
                kind = EntryKind.SYMLINK if error.errno == errno.ELOOP else None
                raise _not_plain(path, kind) from error
            raise _unreadable(path, error) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _not_plain(path, None)
        with os.fdopen(handle, "rb") as file:
            return file.read()

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of many files."""
        return {path: self.read(path) for path in paths}

    def _open(self, path: str, flags: int) -> int:
        """Open a path one component at a time, refusing links: the tree cannot be left, even while it changes."""
        here = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        parts = path.split("/") if path else ["."]
        try:
            for part in parts[:-1]:
                there = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                os.close(here)
                here = there
            return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)

    def _single(self, path: str) -> tuple[TreeEntry, ...]:
        """Return the entry of a path that is not a directory, reached without following a link."""
        parent, _, name = path.rpartition("/")
        try:
            handle = self._open(parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return ()
        try:
            info = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except OSError:
            return ()
        finally:
            os.close(handle)
        return (TreeEntry(path, _kind_on_disk(info.st_mode), info.st_size),)

    def _walk(self, prefix: str) -> Iterator[TreeEntry]:
        pending = [prefix]
        while pending:
            directory = pending.pop()
            try:
                found = list(os.scandir(self._root / directory))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _unreadable(directory, error) from error
            for item in found:
                name = os.fsencode(item.name).decode("utf-8", "backslashreplace")
                if name == ".git" or (not directory and name in _SKIPPED):
                    continue
                path = f"{directory}/{name}" if directory else name
                if item.is_dir(follow_symlinks=False):
                    if Path(item.path, ".git").exists():
                        yield TreeEntry(path, EntryKind.SUBMODULE, 0)
                    else:
                        pending.append(path)
                    continue
                try:
                    info = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield TreeEntry(path, _kind_on_disk(info.st_mode), info.st_size)


def _kind_on_disk(mode: int) -> EntryKind:
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    return EntryKind.SYMLINK if stat.S_ISLNK(mode) else EntryKind.OTHER


def _parse_listing(out: bytes) -> Iterator[TreeEntry]:
    """Parse `<mode> <type> <id> <size>TAB<path>NUL`; the size of what is not a file is `-`."""
    for record in out.split(b"\0"):
        if not record:
            continue
        head, _, name = record.partition(b"\t")
        mode, _, oid, size = head.decode("ascii").split()
        path = name.decode("utf-8", "backslashreplace")
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
            raise GitError(f"a tree in git holds the path `{printable(path)}`; it is not read", code="FLT-GIT-024")
        yield TreeEntry(path, _KINDS.get(mode[:3], EntryKind.OTHER), int(size) if size.isdigit() else 0, oid)


def _below(entries: Sequence[TreeEntry], prefix: str) -> tuple[TreeEntry, ...]:
    """Return the entries at or below a path, out of a sorted listing."""
    at = bisect_left(entries, prefix, key=lambda e: e.path)
    if at < len(entries) and entries[at].path == prefix:
        return (entries[at],)
    start = bisect_left(entries, f"{prefix}/", key=lambda e: e.path)
    end = bisect_left(entries, f"{prefix}0", key=lambda e: e.path)  # `0` is the character after `/`
    return tuple(entries[start:end])


def _is_absent(error: OSError) -> bool:
    """Whether there is nothing, or a link, where a path leads: O_NOFOLLOW says ELOOP for a link."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def _no_file(path: str, origin: str) -> GitError:
    return GitError(f"there is no file `{printable(path)}` in {origin}", code="FLT-GIT-025", location=Location(path))


def _not_plain(path: str, kind: EntryKind | None) -> FleetError:
    what = {EntryKind.SYMLINK: "a symbolic link", EntryKind.SUBMODULE: "a submodule"}.get(kind or EntryKind.OTHER)
    return GitError(
        f"`{printable(path)}` is {what or 'not a plain file'}, and is not read",
        code="FLT-GIT-026",
        location=Location(path),
        hints=("put a plain file there" if kind else "name a plain file",),
    )


def _unreadable(path: str, error: OSError) -> GitError:
    return GitError(f"`{printable(path) or '.'}` cannot be read: {error.strerror}", code="FLT-GIT-027")
