"""Moves refs by compare-and-swap: one atomic push, or one local transaction where there is no remote.

A failed push is not judged by git's words: the remote is asked afresh, and what it says decides. A ref that is
already where it should be (a push that was cut off after it took effect) is done; one that is neither there
nor where it was expected has been moved by somebody else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from fleet.adapters.git.names import OBJECT_ID, check_ref
from fleet.adapters.git.process import NETWORK_TIMEOUT, Answer, GitProcess, summary
from fleet.errors import ConflictError, GitError
from fleet.ports.repository import RefUpdate

_ATTEMPTS = 8
_PASSING = ("cannot lock ref", "nable to create", "failed to lock", "File exists", "stale info", "failed to update ref")
"""Words of a ref store that another process is writing to at this moment."""

Refs = Callable[[Sequence[str]], Mapping[str, str]]
Describe = Callable[[str], str]


def check_updates(updates: Sequence[RefUpdate]) -> tuple[RefUpdate, ...]:
    """Return the updates, if every name and id in them is well formed and no ref is there twice.

    Raises:
        GitError: otherwise.
    """
    seen = set()
    for update in updates:
        check_ref(update.ref)
        for oid in (update.expected, update.new):
            if oid is not None and not OBJECT_ID.match(oid):
                raise GitError(f"`{oid}` is not an object id", code="FLT-GIT-020")
        if update.ref in seen:
            raise GitError(f"`{update.ref}` would be moved twice at once", code="FLT-GIT-002")
        seen.add(update.ref)
    return tuple(updates)


def push_arguments(remote: str, updates: Sequence[RefUpdate]) -> list[str]:
    """Return the arguments of one atomic push with a lease on every ref."""
    arguments = ["push", "--atomic", "--porcelain", "--no-verify", "--no-signed"]
    arguments += [f"--force-with-lease={u.ref}:{u.expected or ''}" for u in updates]
    return [*arguments, "--", remote, *(f"{u.new or ''}:{u.ref}" for u in updates)]


def transaction(updates: Sequence[RefUpdate], zero: str) -> bytes:
    """Return the input of ``update-ref --stdin -z`` that moves all refs or none."""
    lines = []
    for update in updates:
        expected = update.expected or zero
        if update.new is None:
            lines.append(f"delete {update.ref}\0{expected}\0")
        elif update.new == update.expected:
            lines.append(f"verify {update.ref}\0{expected}\0")
        else:
            lines.append(f"update {update.ref}\0{update.new}\0{expected}\0")
    return "".join(lines).encode()


class Pusher:
    """Carries a compare-and-swap through: tries, looks, and tries again or says who was faster."""

    def __init__(
        self, process: GitProcess, remote: str | None, settings: Sequence[str], refs: Refs, describe: Describe
    ) -> None:
        self._process = process
        self._remote = remote
        self._settings = settings
        self._refs = refs
        self._describe = describe

    def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move refs; see :meth:`fleet.ports.repository.RepositoryWriter.push`."""
        pending = check_updates(updates)
        for attempt in range(_ATTEMPTS):
            if not pending:
                return
            answer = self._try(pending)
            if answer.status == 0:
                return
            present = self._refs([u.ref for u in pending])
            moved = [u for u in pending if present.get(u.ref) not in (u.expected, u.new)]
            if moved:
                raise self._moved(moved, present)
            left = tuple(u for u in pending if present.get(u.ref) != u.new or u.new == u.expected)
            if all(u.new == u.expected for u in left):
                return
            if left == pending and not any(mark in answer.error + answer.text for mark in _PASSING):
                raise _refused(answer, pending)
            pending = left
            time.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise ConflictError(
            "the repository is being written to by others all the time", code="FLT-GIT-050", hints=("try again",)
        )

    def _try(self, updates: Sequence[RefUpdate]) -> Answer:
        if self._remote is None:
            zero = "0" * len(next(o for u in updates for o in (u.new, u.expected) if o is not None))
            feed = transaction(updates, zero)
            return self._process.run(["update-ref", "--stdin", "-z"], feed=feed, fine=range(256))
        return self._process.run(
            push_arguments(self._remote, updates),
            fine=range(256),
            settings=self._settings,
            timeout=NETWORK_TIMEOUT,
        )

    def _moved(self, moved: Sequence[RefUpdate], present: Mapping[str, str]) -> ConflictError:
        parts = []
        for update in moved:
            now = present.get(update.ref)
            if now is None:
                parts.append(f"`{update.ref}` is gone")
            elif update.expected is None:
                parts.append(f"`{update.ref}` is there already, at {self._describe(now)}")
            else:
                parts.append(f"`{update.ref}` was moved from {update.expected[:7]} to {self._describe(now)}")
        return ConflictError(
            "somebody else was faster: " + "; ".join(parts),
            code="FLT-GIT-051",
            hints=("run the command again: it starts from what is there now",),
        )


def _refused(answer: Answer, updates: Sequence[RefUpdate]) -> GitError:
    """Return the error of a remote that does not want the change: a hook, a protected branch, a checked-out branch."""
    said = [line for line in answer.text.splitlines() if line.startswith("!")]
    reasons = "; ".join(dict.fromkeys(line.partition("\t")[2].partition("\t")[2] for line in said)) or ""
    words = "; ".join(part for part in (summary(answer.error), reasons) if part)
    hints: tuple[str, ...] = ()
    if "currently checked out" in answer.error + reasons or "denyCurrentBranch" in answer.error:
        hints = ("push to a bare repository: `git clone --bare`, or `git config core.bare true` there",)
    refs = ", ".join(f"`{u.ref}`" for u in updates)
    return GitError(f"the remote refused to move {refs}: {words or 'no reason given'}", code="FLT-GIT-052", hints=hints)
