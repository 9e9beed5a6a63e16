"""Restrictions in the remote repository itself: ``refs/fleet/restrictions``, for every clone, without a server.

Each state is a commit on top of the last one, with the documents (:mod:`fleet.adapters.restrictions.documents`) as
files. Its author is who did it, its message says what and why: ``git log`` of the ref is the record.

Every write is a push with a lease on the ref. If somebody else was faster, it starts over from what is there now, and
decides anew: whose lock it is, whether it is there at all. A process that dies before the push has changed nothing, one
that dies after it has changed everything, and doing it again finds that out.
"""

from __future__ import annotations

import difflib
import random
import time
from collections.abc import Callable
from typing import TypeVar, cast

from fleet.adapters.restrictions.documents import (
    COUNT_LIMIT,
    REF,
    SIZE_LIMIT,
    Document,
    collect,
    decode,
    encode,
    hold_path,
    lock_path,
    path_of,
    unreadable,
)
from fleet.engine.lines import one_line
from fleet.engine.people import same_person
from fleet.errors import ConflictError, FleetError, GitError, RestrictionError, UsageError
from fleet.failpoints import failpoint
from fleet.model.names import is_label
from fleet.model.restriction import LOCK_ID_LIMIT, Hold, Lock, Rejection, Restrictions
from fleet.ports.repository import RefUpdate, RepositoryWriter
from fleet.ports.restrictions import Written
from fleet.ports.tree import EntryKind

_ATTEMPTS = 50
"""How often a write starts over before it gives up; each time somebody else got something done."""

D = TypeVar("D", bound=Document)


class GitRestrictions:
    """Locks, holds and rejections inside a git repository."""

    def __init__(self, repository: RepositoryWriter) -> None:
        self._repository = repository

    # ── reading ──

    def read(self) -> Restrictions:
        """Return everything, asked afresh of the remote."""
        tip = self._tip()
        return self._at(tip) if tip else Restrictions()

    # ── writing ──

    def lock(self, lock: Lock) -> Written[Lock]:
        """Add a lock; one with the same id gets the new reason and end, if it has the same owner and locks the same."""

        def attempt(tip: str | None) -> Written[Lock]:
            known = self._document(tip, lock)
            if known is not None:
                _require_same(known, lock)
                lock_now = lock.model_copy(update={"created": known.created, "owner": known.owner})
            else:
                lock_now = lock
            until = f", until {lock.expires:%Y-%m-%d %H:%M:%S %z}" if lock.expires else ""
            message = f"Lock {lock.scope}\n\n{lock.reason}\n\nLock `{lock.id}`{until}."
            return self._put(tip, known, lock_now, message)

        return self._repeat(attempt)

    def unlock(self, identifier: str, *, by: str, reason: str = "", force: bool = False) -> Written[Lock]:
        """Remove a lock and return it. One that was removed before is returned as it last was."""

        def attempt(tip: str | None) -> Written[Lock]:
            known = self._at(tip).locks if tip else ()
            if not is_label(identifier, LOCK_ID_LIMIT):
                raise _no_lock(identifier, known)
            found = next((lock for lock in known if lock.id == identifier), None)
            if found is None:
                return Written(self._removed(tip, lock_path(identifier), Lock, _no_lock(identifier, known)), False)
            own = same_person(found.owner, by)
            if not own and not force:
                raise _not_yours(found)
            how = "" if own else f" of {one_line(found.owner)}, by force"
            return self._drop(tip, found, f"Unlock {found.scope}{how}", f"Lock `{found.id}`", found.reason, reason)

        return self._repeat(attempt)

    def hold(self, hold: Hold, *, keep: bool = False) -> Written[Hold]:
        """Add a hold. One of the same app and environment, with the same reason, stays as it is."""

        def attempt(tip: str | None) -> Written[Hold]:
            known = self._document(tip, hold)
            if known is not None and (keep or known.reason == hold.reason):
                return Written(known, False)
            return self._put(tip, known, hold, f"Hold {hold.app} in {hold.environment}\n\n{hold.reason}")

        return self._repeat(attempt)

    def release_hold(self, app: str, environment: str, *, by: str, reason: str = "") -> Written[Hold]:
        """Remove a hold and return it. One that was removed before is returned as it last was."""

        def attempt(tip: str | None) -> Written[Hold]:
            known = self._at(tip).holds if tip else ()
            found = next((h for h in known if (h.app, h.environment) == (app, environment)), None)
            if found is None:
                return Written(self._removed(tip, hold_path(environment, app), Hold, _no_hold(app, environment)), False)
            how = "" if same_person(found.owner, by) else f" (held by {one_line(found.owner)})"
            return self._drop(tip, found, f"Release {app} in {environment}{how}", "Hold", found.reason, reason)

        return self._repeat(attempt)

    def reject(self, rejection: Rejection) -> Written[Rejection]:
        """Add a rejection; the first one of a release stays."""

        def attempt(tip: str | None) -> Written[Rejection]:
            known = self._document(tip, rejection)
            if known is not None:
                return Written(known, False)
            what = f"{rejection.app} {rejection.version} ({rejection.revision[:7]})"
            return self._put(tip, None, rejection, f"Reject {what}\n\n{rejection.reason}")

        return self._repeat(attempt)

    # ── documents ──

    def _at(self, commit: str) -> Restrictions:
        """Return all documents of a commit.

        Raises:
            RestrictionError: something else is there, or too much of it.
        """
        try:
            tree = self._repository.tree(commit)
            entries = tree.entries()
            if len(entries) > COUNT_LIMIT:
                raise RestrictionError(f"`{REF}` holds more than {COUNT_LIMIT} files", code="FLT-RST-003")
            for entry in entries:
                if entry.kind is not EntryKind.FILE or entry.size > SIZE_LIMIT:
                    raise unreadable(entry.path)
            return collect(tree.read_many(entry.path for entry in entries))
        except GitError as error:
            raise RestrictionError(f"`{REF}` cannot be read: {error.message}", code="FLT-RST-001") from error

    def _document(self, tip: str | None, like: D) -> D | None:
        """Return the document that stands where another one would; everything else has to be readable too."""
        if tip is None:
            return None
        there = self._at(tip)
        documents: tuple[Document, ...] = (*there.locks, *there.holds, *there.rejections)
        path = path_of(like)
        return cast("D | None", next((d for d in documents if path_of(d) == path), None))

    def _removed(self, tip: str | None, path: str, model: type[D], error: FleetError) -> D:
        """Return what was removed from a path; raise the error if nothing ever was there."""
        last = next(iter(self._repository.log(tip, paths=[path], limit=1)), None) if tip else None
        if last is None or not last.parents:
            raise error
        found = decode(path, self._repository.read_file(last.parents[0], path))
        assert isinstance(found, model)  # noqa: S101 - its path says so
        return found

    # ── git ──

    def _tip(self) -> str | None:
        """Return the newest commit, brought here."""
        tip = self._repository.read_ref(REF)
        if tip is not None and not self._repository.has(tip):
            self._repository.fetch()
            if not self._repository.has(tip):
                raise RestrictionError(
                    f"`{REF}` is no commit, or was rewritten while it was read",
                    code="FLT-RST-004",
                    hints=(f"look at it with `git ls-remote origin {REF}`",),
                )
        return tip

    def _put(self, tip: str | None, known: D | None, wanted: D, message: str) -> Written[D]:
        content = encode(wanted)
        if known is not None and encode(known) == content:
            return Written(known, False)
        self._push(tip, {path_of(wanted): content}, message)
        return Written(wanted, True)

    def _drop(self, tip: str | None, found: D, title: str, what: str, because: str, reason: str) -> Written[D]:
        why = f"\n\n{reason}" if reason.strip() else ""
        self._push(tip, {path_of(found): None}, f"{title}{why}\n\n{what} was there because: {because}")
        return Written(found, True)

    def _push(self, tip: str | None, files: dict[str, bytes | None], message: str) -> None:
        new = self._repository.commit([tip] if tip else [], files, message)
        failpoint("restrictions.before-push")
        self._repository.push([RefUpdate(REF, tip, new)])
        failpoint("restrictions.after-push")

    def _repeat(self, attempt: Callable[[str | None], Written[D]]) -> Written[D]:
        """Try on top of what is there, until nobody else was faster."""
        last: ConflictError | None = None
        for number in range(_ATTEMPTS):
            try:
                return attempt(self._tip())
            except ConflictError as lost:
                last = lost
                time.sleep(random.uniform(0, 0.01) * (min(number, 10) + 1))  # noqa: S311 - jitter, not a secret
        assert last is not None  # noqa: S101
        raise last


def _require_same(known: Lock, wanted: Lock) -> None:
    if not same_person(known.owner, wanted.owner):
        text = f"there is a lock `{known.id}` of {one_line(known.owner)} already: {one_line(known.reason)}"
    elif not known.same_scope(wanted):
        text = f"your lock `{known.id}` locks {known.scope}, and not {wanted.scope}"
    else:
        return
    raise RestrictionError(
        text, code="FLT-RST-005", hints=("give this one another name with `--id ID`", f"fleet unlock {known.id}")
    )


def _not_yours(lock: Lock) -> RestrictionError:
    return RestrictionError(
        f"the lock `{lock.id}` belongs to {one_line(lock.owner)}: {one_line(lock.reason)}",
        code="FLT-RST-006",
        hints=("ask them", f"or remove it on record: `fleet unlock {lock.id} --force --reason TEXT`"),
    )


def _no_lock(identifier: str, known: tuple[Lock, ...]) -> FleetError:
    close = difflib.get_close_matches(identifier, [lock.id for lock in known], n=1, cutoff=0.5)
    hint = f"did you mean `{close[0]}`?" if close else "fleet locks --all"
    return UsageError(f"there is no lock `{one_line(identifier)}`", code="FLT-USE-010", hints=(hint,))


def _no_hold(app: str, environment: str) -> FleetError:
    return UsageError(
        f"there is no hold on `{one_line(app)}` in `{one_line(environment)}`",
        code="FLT-USE-010",
        hints=("fleet locks",),
    )
