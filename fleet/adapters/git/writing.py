"""Writes commits without a checkout: a temporary index, then plumbing. The user's index and files stay as they are."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleet.adapters.git.names import check_path, printable
from fleet.adapters.git.objects import ObjectReader
from fleet.adapters.git.process import GitProcess
from fleet.errors import ConflictError, GitError

_PLAIN = "100644"


class CommitWriter:
    """Makes commits; moves no ref."""

    def __init__(self, process: GitProcess, objects: ObjectReader) -> None:
        self._process = process
        self._objects = objects

    def commit(
        self, base_tree: str | None, parents: Sequence[str], files: Mapping[str, bytes | None], message: str
    ) -> str:
        """Write a commit: the files of ``base_tree`` (None: none) with these changed.

        Raises:
            GitError: a path is not allowed, or lies below what is not a directory.
        """
        modes = {path: self._mode(base_tree, path) for path in files}
        with tempfile.TemporaryDirectory(prefix="fleet-git-") as directory:
            if base_tree is None and not any("/" in path for path in files):
                listing = self._entries(files, modes, Path(directory))
                records = (f"{mode} blob {oid}\t{path}\0" for path, mode, oid in listing)
                tree = self._process.run(["mktree", "-z"], feed="".join(records).encode()).text
                return self.seal(tree, parents, message)
            environment = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
            self._process.run(["read-tree", base_tree or "--empty"], environment=environment)
            lines = [f"{mode} {oid}\t{path}\0" for path, mode, oid in self._entries(files, modes, Path(directory))]
            zero = "0" * len(base_tree or "0" * 40)
            lines += [f"0 {zero}\t{path}\0" for path, new in files.items() if new is None and modes[path]]
            changes = "".join(lines).encode()
            self._process.run(["update-index", "-z", "--index-info"], feed=changes, environment=environment)
            tree = self._process.run(["write-tree"], environment=environment).text
        return self.seal(tree, parents, message)

    def seal(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Write the commit of a tree that is in the object store."""
        arguments = ["commit-tree", tree]
        for parent in parents:
            arguments += ["-p", parent]
        text = message.replace("\0", "").strip("\n") + "\n"
        return self._process.run([*arguments, "-F", "-"], feed=text.encode("utf-8", "replace")).text

    def _entries(
        self, files: Mapping[str, bytes | None], modes: Mapping[str, str | None], directory: Path
    ) -> list[tuple[str, str, str]]:
        """Write the contents as objects, all in one process; return path, mode and id of each."""
        contents = [(path, content) for path, content in sorted(files.items()) if content is not None]
        if not contents:
            return []
        names = []
        for number, (_, content) in enumerate(contents):
            name = directory / str(number)
            name.write_bytes(content)
            names.append(f"{name}\n")
        arguments = ["hash-object", "-w", "-t", "blob", "--no-filters", "--stdin-paths"]
        oids = self._process.run(arguments, feed="".join(names).encode()).text.split()
        return [(path, modes[path] or _PLAIN, oid) for (path, _), oid in zip(contents, oids, strict=True)]

    def _mode(self, tree: str | None, path: str) -> str | None:
        """Return the mode of a plain file that is there; None if there is nothing."""
        if not check_path(path):
            raise GitError("a file needs a name", code="FLT-GIT-004")
        if tree is None:
            return None
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            found = self._objects.find(tree, "/".join(parts[:depth]))
            if found is None:
                return None
            last = depth == len(parts)
            if (last and not found.is_file) or (not last and not found.is_directory):
                what = "/".join(parts[:depth])
                raise GitError(
                    f"`{printable(path)}` cannot be written: `{printable(what)}` is not a plain "
                    + ("file" if last else "directory"),
                    code="FLT-GIT-026",
                )
            if last:
                return found.mode
        return None


class Merger:
    """Merges two commits in the object store."""

    def __init__(self, process: GitProcess, writer: CommitWriter) -> None:
        self._process = process
        self._writer = writer

    def merge(self, ours: str, theirs: str, message: str) -> str:
        """Write the merge commit of two commits.

        Raises:
            ConflictError: they change the same lines; names the files.
        """
        tree, conflicts = self.try_merge(ours, theirs)
        if conflicts:
            shown = ", ".join(f"`{printable(p)}`" for p in conflicts[:5])
            more = f" and {len(conflicts) - 5} more" if len(conflicts) > 5 else ""
            raise ConflictError(
                f"the branches conflict in {shown}{more}",
                code="FLT-GIT-040",
                hints=("merge the base branch into the branch, resolve the conflict, and push it",),
            )
        return self._writer.seal(tree, (ours, theirs), message)

    def try_merge(self, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        """Return the tree of the merge, and the paths that conflict.

        A merge may change only what the other side changed. Where our side renamed a file, git would carry a change
        of the old file over to the new one, perhaps into another environment, past whoever reviewed the change;
        this counts as a conflict. (`merge.renames=false` alone does it only since git 2.49.)
        """
        arguments = ["merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", ours, theirs]
        answer = self._process.run(arguments, fine=(0, 1))
        tree, *conflicts = answer.out.decode("utf-8", "backslashreplace").rstrip("\0").split("\0")
        if answer.status == 1 and not any(conflicts):
            raise GitError(f"`git merge-tree` failed: {answer.error}", code="FLT-GIT-041")
        if answer.status == 0:
            reviewed = set(self.changed(f"{ours}...{theirs}"))
            conflicts = [path for path in self.changed(ours, tree) if path not in reviewed]
        return tree, tuple(dict.fromkeys(path for path in conflicts if path))

    def changed(self, *ends: str) -> Sequence[str]:
        """Return the paths that differ between two trees, or in a range `A...B`; of a renamed file, both."""
        arguments = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--end-of-options"]
        out = self._process.run([*arguments, *ends, "--"]).out
        return [path for path in out.decode("utf-8", "backslashreplace").split("\0") if path]
