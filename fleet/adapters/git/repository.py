"""The git repository of a fleet, behind the ports :class:`RepositoryReader` and :class:`RepositoryWriter`.

Rules of this adapter: no checkout, no change of index or work tree, no branch of the user's clone moved (where there
is a remote), no hook run, no free-form option. See :mod:`fleet.adapters.git.process` for the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from fleet.adapters.git.discovery import find_root, layout
from fleet.adapters.git.log import log_arguments, parse_log
from fleet.adapters.git.names import OBJECT_ID, branch_ref, check_path, check_ref, check_revision, printable
from fleet.adapters.git.objects import ObjectReader, warm_up
from fleet.adapters.git.process import GitProcess
from fleet.adapters.git.pushing import Pusher
from fleet.adapters.git.remotes import Remote
from fleet.adapters.git.trees import GitTree, Listings, WorkTree
from fleet.adapters.git.writing import CommitWriter, Merger
from fleet.errors import FleetError, GitError
from fleet.ports.repository import Commit, RefUpdate
from fleet.ports.tree import Tree

__all__ = ["GitRepository", "find_root"]


class GitRepository:
    """One clone. Safe to use from several threads.

    Args:
        root: top directory of the work tree (see :func:`find_root`), or a bare repository.
        remote: name of the remote that holds the protected branch. A clone without any remote stands for itself.
        branch: the protected branch.
    """

    def __init__(self, root: Path, remote: str = "origin", branch: str = "main") -> None:
        self._root = root.resolve()
        self._branch = branch
        self._layout = layout(self._root)
        self._process = GitProcess(self._root)
        self._objects = ObjectReader(self._root, self._layout, self._process)
        self._listings = Listings(self._process, self._objects)
        self._writer = CommitWriter(self._process, self._objects)
        self._merger = Merger(self._process, self._writer)
        self._remote = Remote(self._process, remote)
        self._labels: dict[str, str] = {}
        self._commits: dict[str, str] = {}  # what ids of commits and tags lead to; objects never change
        self._trees: dict[str, str] = {}
        self._fetching: Future[None] | None = None

    # ── reading ──

    @property
    def root(self) -> Path:
        """Top directory of the clone."""
        return self._root

    @property
    def identity(self) -> str:
        """Who commits here, as `name <email>`, from git's configuration and environment.

        Raises:
            GitError: git was not told; the hint says how to tell it.
        """
        answer = self._process.run(["var", "GIT_AUTHOR_IDENT"])
        found = re.match(r"(?P<who>.*<[^<>]*>) \d+ [+-]\d+\Z", answer.text)
        return found["who"] if found else answer.text

    @property
    def shallow(self) -> bool:
        """Whether history was cut off by `git clone --depth`."""
        return self._layout.shallow

    def prefetch(self) -> None:
        """Begin to fetch in the background; the next :meth:`fetch` waits for that one and raises what it met."""
        warm_up()
        if self._fetching is None:
            background = ThreadPoolExecutor(1, thread_name_prefix="fetch")
            self._fetching = background.submit(self._remote.fetch)
            background.shutdown(wait=False)

    def fetch(self) -> None:
        """Bring the remote's branches and fleet refs up to date; does nothing where there is no remote."""
        warm_up()
        begun, self._fetching = self._fetching, None
        if begun is None:
            self._remote.fetch()
        else:
            begun.result()

    def head_of(self, branch: str) -> str | None:
        """Return the commit of a branch on the remote as last fetched (of the local branch if there is no remote)."""
        branch_ref(branch)
        found = self._objects.kind(f"{self._remote.local_ref(branch)}^{{commit}}")
        if found is None:
            return None
        self._labels[found[0]] = branch if self._remote.name is None else f"{self._remote.name}/{branch}"
        return found[0]

    def resolve(self, revision: str) -> str:
        """Return the full commit id of a revision expression."""
        check_revision(revision)
        if OBJECT_ID.match(revision):
            if not self.has(revision):
                raise self._objects.missing(revision[:12])
            return self._commits[revision]
        arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
        answer = self._process.run(arguments, fine=(0, 1, 128))
        if answer.status == 0 and OBJECT_ID.match(answer.text):
            return answer.text
        if self._objects.kind("HEAD^{commit}") is None and revision in ("HEAD", "@", self._branch):
            raise GitError(
                "the repository has no commit yet",
                code="FLT-GIT-016",
                hints=('git add --all && git commit -m "The fleet"',),
            )
        raise self._objects.missing(printable(revision))

    def tree(self, revision: str) -> Tree:
        """Return the files of a commit, read from the object store."""
        commit = self.resolve(revision)
        label = self._labels.get(commit)
        origin = f"{label} at {commit[:7]}" if label else f"commit {commit[:7]}"
        return GitTree(commit, self._tree_of(commit), origin, self._objects, self._listings)

    def work_tree(self) -> Tree:
        """Return the files on disk, whether committed or not."""
        return WorkTree(self._root)

    def read_file(self, revision: str, path: str) -> bytes:
        """Return the content of one file of a commit."""
        return self.tree(revision).read(path)

    def tree_id(self, revision: str, path: str) -> str | None:
        """Return the object id of a directory or file in a commit: equal ids, equal content. None: it is not there."""
        found = self._objects.find(self._tree_of(self.resolve(revision)), check_path(path))
        return found.oid if found else None

    def last_change(self, revision: str, path: str) -> str | None:
        """Return the newest commit reachable from ``revision`` that changed ``path``."""
        arguments = ["rev-list", "--max-count=1", "--end-of-options", self.resolve(revision), "--"]
        return self._process.run([*arguments, *([check_path(path)] if path else [])]).text or None

    def log(
        self,
        revision: str,
        *,
        paths: Sequence[str] = (),
        first_parent: bool = False,
        limit: int | None = None,
        with_paths: bool = False,
    ) -> Iterator[Commit]:
        """Yield commits reachable from ``revision``, newest first."""
        arguments = log_arguments(
            self.resolve(revision),
            paths=[check_path(p) for p in paths],
            first_parent=first_parent,
            limit=limit,
            with_paths=with_paths,
        )
        yield from parse_log(self._process.run(arguments).out)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Say whether one commit is reachable from another (or is the same)."""
        older, newer = self.resolve(ancestor), self.resolve(descendant)
        return (
            older == newer or self._process.run(["merge-base", "--is-ancestor", older, newer], fine=(0, 1)).status == 0
        )

    def has(self, commit: str) -> bool:
        """Say whether a commit is in this clone."""
        if commit in self._commits:
            return True
        found = self._objects.kind(f"{commit}^{{commit}}") if OBJECT_ID.match(commit) else None
        if found is not None:
            self._commits[commit] = found[0]
        return found is not None

    def changed_paths(self, base: str, head: str) -> Sequence[str]:
        """Return the paths that ``head`` changed since it left ``base``; of a renamed file, both."""
        return self._merger.changed(f"{self.resolve(base)}...{self.resolve(head)}")

    def diff(self, base: str, head: str, paths: Sequence[str] = ()) -> str:
        """Return, as a unified diff, what ``head`` changed since it left ``base``."""
        arguments = ["diff", "--patch", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv"]
        arguments += ["--submodule=short", "--src-prefix=a/", "--dst-prefix=b/", "--end-of-options"]
        since = f"{self.resolve(base)}...{self.resolve(head)}"
        answer = self._process.run([*arguments, since, "--", *(check_path(p) for p in paths)])
        return answer.out.decode("utf-8", "backslashreplace")

    def conflicts(self, ours: str, theirs: str) -> Sequence[str]:
        """Return the paths in which two commits cannot be merged; empty if they can."""
        return self._merger.try_merge(self.resolve(ours), self.resolve(theirs))[1]

    def read_ref(self, ref: str) -> str | None:
        """Return the object id of a full ref on the remote, asked afresh; None: it does not exist."""
        return self._remote.refs(check_ref(ref)).get(ref)

    def known_ref(self, ref: str) -> str | None:
        """Return the object id of a branch or fleet ref of the remote, by its full name there, as last fetched."""
        found = self._objects.kind(self._remote.mirror_of(check_ref(ref)))
        return found[0] if found else None

    def list_refs(self, prefix: str) -> Mapping[str, str]:
        """Return the refs of the remote below a prefix like `refs/fleet/`, asked afresh, in one look."""
        if not prefix.startswith("refs/") or not prefix.endswith("/"):
            raise GitError(f"`{printable(prefix)}` is not a prefix of refs", code="FLT-GIT-002")
        return self._remote.refs(prefix)

    # ── writing ──

    def commit(
        self, parents: Sequence[str], files: Mapping[str, bytes | None], message: str, *, empty: bool = False
    ) -> str:
        """Write a commit with these files changed (None: removed) against the first parent; return its id.

        Moves no ref and touches neither index nor work tree. With ``empty``, it holds these files and no other.
        """
        ids = [self.resolve(parent) for parent in parents]
        base = self._tree_of(ids[0]) if ids and not empty else None
        return self._writer.commit(base, ids, files, message)

    def merge(self, ours: str, theirs: str, message: str) -> str:
        """Write the merge commit of two commits, without a checkout; return its id. Moves no ref."""
        return self._merger.merge(self.resolve(ours), self.resolve(theirs), message)

    def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move refs on the remote, all or none, each only if it still is where ``expected`` says."""
        name = self._remote.name
        settings = self._remote.tracking if name else ()
        Pusher(self._process, name, settings, self._refs_now, self._describe).push(updates)

    def close(self) -> None:
        """Stop the process that reads objects; a fetch that nobody waited for comes to its end."""
        if self._fetching is not None:
            wait([self._fetching])
        self._objects.close()

    # ── helpers ──

    def _tree_of(self, commit: str) -> str:
        known = self._trees.get(commit)
        if known is None:
            found = self._objects.kind(f"{commit}^{{tree}}")
            if found is None:
                raise self._objects.missing(commit[:12])
            known = self._trees[commit] = found[0]
        return known

    def _refs_now(self, names: Sequence[str]) -> Mapping[str, str]:
        found = self._remote.refs("refs/")
        return {name: found[name] for name in names if name in found}

    def _describe(self, oid: str) -> str:
        """Return a commit with who made it, for the message about a lost race; as far as it can be found out."""
        shown = oid[:7]
        try:
            if not self.has(oid):
                self._remote.fetch()
            return f"{shown} by {next(self.log(oid, limit=1)).author}"
        except (FleetError, StopIteration):
            return shown
