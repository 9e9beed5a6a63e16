"""Reads objects through GitPython's persistent ``git cat-file --batch``. Safe to call from several threads.

GitPython is imported when the first object is read: commands that read none should not pay for it, and others may hide
it behind a fetch (:func:`warm_up`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.adapters.git.discovery import Layout
from fleet.adapters.git.gitpython import command_runner
from fleet.adapters.git.names import OBJECT_ID
from fleet.adapters.git.process import GitProcess, safe_environment
from fleet.errors import GitError

if TYPE_CHECKING:
    from git.cmd import Git

_TREE_CACHE = 20_000
"""How many directories are kept in memory."""
_MANY = 32
"""From so many files on, one process that reads them all at once is faster than asking for each."""


@dataclass(frozen=True, slots=True)
class Child:
    """One entry of a directory in git."""

    mode: str
    """Octal, as git writes it: `100644`, `100755`, `120000` (link), `160000` (submodule), `40000` (directory)."""
    oid: str

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.mode == "40000"

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return self.mode.startswith("100")


def warm_up() -> None:
    """Import GitPython in the background, while something else is waited for."""

    def quietly() -> None:
        with suppress(Exception):  # the first read imports again and tells
            command_runner()

    threading.Thread(target=quietly, name="import-git", daemon=True).start()


class ObjectReader:
    """Objects of one repository by id. One process for all threads, one request at a time."""

    def __init__(self, root: Path, layout: Layout, process: GitProcess) -> None:
        self._root = root
        self._process = process
        self._layout = layout
        self._lock = threading.Lock()
        self._git: Git | None = None
        self._children: OrderedDict[str, dict[str, Child]] = OrderedDict()

    def kind(self, name: str) -> tuple[str, str] | None:
        """Return id and type (`commit`, `tree`, `blob`, `tag`) of an object, or None if it is not here.

        Args:
            name: an object id, or one followed by `^{commit}` or `^{tree}`.
        """
        found = self._header(name)
        return found[:2] if found else None

    def size(self, oid: str) -> int:
        """Return the size of an object in bytes.

        Raises:
            GitError: there is no such object.
        """
        found = self._header(oid)
        if found is None:
            raise self.missing(oid[:12])
        return found[2]

    def _header(self, name: str) -> tuple[str, str, int] | None:
        with self._lock:
            try:
                oid, kind, size = self._reader().get_object_header(name)
            except ValueError as error:
                if "could not be resolved" in str(error):
                    return None
                raise self._broken(error) from error
            except OSError as error:
                raise self._broken(error) from error
        return _text(oid), _text(kind), size

    def blob(self, oid: str) -> bytes:
        """Return the content of a file.

        Raises:
            GitError: there is no such object, or it is not a file.
        """
        return self._read(oid, "blob")

    def blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Return the content of many files, by id.

        Raises:
            GitError: there is no such object, or it is not a file.
        """
        wanted = dict.fromkeys(oids)
        if len(wanted) < _MANY:
            return {oid: self.blob(oid) for oid in wanted}
        feed = "".join(f"{oid}\n" for oid in wanted).encode()
        out = self._process.run(["cat-file", "--batch", "--buffer"], feed=feed).out
        found: dict[str, bytes] = {}
        at = 0
        for oid in wanted:
            end = out.index(b"\n", at)
            words = out[at:end].decode("ascii", "replace").split()
            if len(words) != 3:
                raise self.missing(oid[:12])
            if words[1] != "blob":
                raise GitError(f"`{oid[:12]}` is a {words[1]}, not a blob", code="FLT-GIT-020")
            size = int(words[2])
            found[oid] = out[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def children(self, tree: str) -> dict[str, Child]:
        """Return the entries of a directory by name; bytes that are not UTF-8 are shown as `\\xNN`."""
        known = self._children.get(tree)
        if known is None:
            known = parse_tree(self._read(tree, "tree"), len(tree) // 2)
            self._children[tree] = known
            while len(self._children) > _TREE_CACHE:
                with suppress(KeyError):
                    self._children.popitem(last=False)
        return known

    def find(self, tree: str, path: str) -> Child | None:
        """Return what a path names below a directory; links are not followed."""
        here = Child("40000", tree)
        for part in path.split("/") if path else ():
            if not here.is_directory:
                return None
            found = self.children(here.oid).get(part)
            if found is None:
                return None
            here = found
        return here

    def close(self) -> None:
        """Stop the process; it is started again when needed."""
        with self._lock:
            if self._git is not None:
                self._git.clear_cache()
                self._git = None

    def _read(self, oid: str, wanted: str) -> bytes:
        if not OBJECT_ID.match(oid):
            raise GitError(f"`{oid}` is not an object id", code="FLT-GIT-020")
        with self._lock:
            try:
                _, found, _, data = self._reader().get_object_data(oid)
            except ValueError as error:
                if "could not be resolved" in str(error):
                    raise self.missing(oid[:12]) from error
                raise self._broken(error) from error
            except OSError as error:
                raise self._broken(error) from error
        kind = _text(found)
        if kind != wanted:
            raise GitError(f"`{oid[:12]}` is a {kind}, not a {wanted}", code="FLT-GIT-020")
        return bytes(data)

    def missing(self, what: str) -> GitError:
        """Return the error for an object or revision that is not in this clone."""
        if self._layout.shallow:
            return GitError(
                f"`{what}` is not in this clone, which is shallow",
                code="FLT-GIT-021",
                hints=("git fetch --unshallow",),
            )
        return GitError(f"there is no `{what}` in this repository", code="FLT-GIT-022", hints=("git fetch --all",))

    def _reader(self) -> Git:
        """Return GitPython's command object. The lock is held."""
        if self._git is None:
            self._git = command_runner()(str(self._root))
            # GitPython starts from the environment of this process and can only add to it. Naming the repository
            # here outweighs a GIT_DIR that a hook left behind. The first plain command has checked who owns it.
            self._git.update_environment(
                **{name: value for name, value in safe_environment(self._root).items() if name.startswith("GIT_")},
                GIT_DIR=str(self._layout.git),
                GIT_COMMON_DIR=str(self._layout.common),
                GIT_OBJECT_DIRECTORY=str(self._layout.common / "objects"),
                GIT_ALTERNATE_OBJECT_DIRECTORIES="",
            )
        return self._git

    def _broken(self, error: Exception) -> GitError:
        """Forget a process that went away. The lock is held."""
        self._git = None
        if "Failed to parse header" in str(error):
            return GitError(
                "this repository names its objects by SHA-256, which fleet cannot read",
                code="FLT-GIT-017",
                hints=("use a repository made with `git init --object-format=sha1`",),
            )
        return GitError(f"`git cat-file` ended early: {type(error).__name__}", code="FLT-GIT-023")


def _text(name: str | bytes) -> str:
    """Return a word of git; GitPython declares text and gives bytes."""
    return name.decode("ascii") if isinstance(name, bytes) else name


def parse_tree(data: bytes, width: int) -> dict[str, Child]:
    """Parse a tree object: `<mode> <name>NUL<id>` again and again.

    Args:
        data: content of the object.
        width: bytes of an id, 20 or 32.

    Raises:
        GitError: an entry has a name that could lead out of the tree.
    """
    children: dict[str, Child] = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "backslashreplace")
        if name in ("", ".", "..") or "/" in name or name.lower() == ".git":
            raise GitError(f"a directory in git has an entry named `{name}`; it is not read", code="FLT-GIT-024")
        oid = data[end + 1 : end + 1 + width].hex()
        children[name] = Child(data[at:space].decode("ascii"), oid)
        at = end + 1 + width
    return children
