"""The local forge: pull requests as refs in the remote repository itself. No server, no account.

``refs/fleet/pulls/<n>``
    a chain of commits, each with the whole pull request as JSON (:mod:`fleet.adapters.forge.documents`).
``refs/fleet/open/<branch>``
    the first commit of that chain, while the pull request is open: so a branch has at most one.

Every write is one atomic push with a lease on each ref. If it fails because another pull request took the number, or
somebody commented meanwhile, it starts over from what is there now; if what the caller saw has changed
(another head), it raises ConflictError. A process that dies before the push has changed nothing, one that dies
after it has changed everything, and doing it again finds that out.

Who somebody is comes from git's configuration: the local forge trusts those who may push to the remote.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fleet.adapters.forge.documents import (
    FILE,
    OPEN,
    decode,
    encode,
    number_of,
    open_ref,
    pull_ref,
    unreadable,
)
from fleet.adapters.forge.refusals import branch_gone, head_moved, require_open
from fleet.engine.people import same_person
from fleet.errors import BaseMovedError, ConflictError, FleetError, ForgeError, GitError
from fleet.failpoints import failpoint
from fleet.model.pull_request import (
    Approval,
    Check,
    CheckState,
    Comment,
    PullRequest,
    PullRequestDraft,
    PullRequestState,
)
from fleet.ports.clock import Clock
from fleet.ports.repository import RefUpdate, RepositoryWriter

_Answer = TypeVar("_Answer")
_ATTEMPTS = 25
"""How often a write starts over before it gives up; each time somebody else got something done."""
_LOOKS = 5
"""How often refs that do not go together are looked at again, before somebody must have changed them by hand."""


@dataclass(frozen=True, slots=True)
class _View:
    """The remote's refs at one moment."""

    refs: Mapping[str, str]

    def branch(self, name: str) -> str | None:
        """Return the head of a branch."""
        return self.refs.get(f"refs/heads/{name}")

    @property
    def numbers(self) -> list[int]:
        """Numbers of all pull requests, newest first."""
        found = (number_of(ref) for ref in self.refs)
        return sorted((n for n in found if n is not None), reverse=True)


class _Again(Exception):  # noqa: N818 - a signal, not an error
    """Somebody else was faster in a way that does not matter to the caller."""


class _Torn(_Again):
    """The refs do not go together, as when they were listed in the middle of a push: git moves them one by one."""


class LocalForge:
    """Pull requests inside a git repository."""

    def __init__(self, repository: RepositoryWriter, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    # ── reading ──

    def get(self, number: int) -> PullRequest:
        """Return one pull request."""
        return self._repeat(lambda view: self._present(view, self._read(view, number)[1]))

    def list(self, state: PullRequestState | None = PullRequestState.OPEN) -> Sequence[PullRequest]:
        """Return pull requests, newest first; ``None`` means in any state."""
        return self._repeat(lambda view: self._list(view, state))

    def find_open(self, branch: str) -> PullRequest | None:
        """Return the open pull request of a branch."""
        return self._repeat(lambda view: self._find_open(view, open_ref(branch)))

    # ── writing ──

    def open(self, draft: PullRequestDraft) -> PullRequest:
        """Open a pull request, or return the one that is open for the branch, updated from the draft."""
        if draft.branch == draft.base_branch:
            raise ForgeError(f"`{draft.branch}` cannot be merged into itself", code="FLT-FRG-003")
        return self._repeat(lambda view: self._open(view, draft))

    def comment(self, number: int, text: str) -> None:
        """Add a comment. Saying the same thing twice in a row says it once."""
        self._repeat(lambda view: self._comment(view, number, text))

    def approve(self, number: int, head: str) -> PullRequest:
        """Approve a head commit as the present identity. Approving the same head twice counts once."""
        return self._repeat(lambda view: self._approve(view, number, head))

    def report(self, number: int, head: str, name: str, state: CheckState, url: str = "") -> PullRequest:
        """Report what a check found of a head commit; the newest report of a name counts."""
        return self._repeat(lambda view: self._report(view, number, head, name, state, url))

    def merge(
        self, number: int, head: str, message: str, *, base: str | None = None, fast_forward: bool = False
    ) -> PullRequest:
        """Merge into the base branch and delete the branch. Merging a merged one at this head returns it."""
        return self._repeat(lambda view: self._merge(view, number, head, message, base, fast_forward))

    def close(self, number: int, comment: str = "") -> PullRequest:
        """Close without merging, and delete the branch. Closing a closed one returns it."""
        return self._repeat(lambda view: self._close(view, number, comment))

    # ── one attempt each ──

    def _list(self, view: _View, state: PullRequestState | None) -> tuple[PullRequest, ...]:
        if state is PullRequestState.OPEN:
            numbers = sorted((self._number_at(view, ref) for ref in view.refs if ref.startswith(OPEN)), reverse=True)
        else:
            numbers = view.numbers
        found = (self._read(view, number)[1] for number in numbers)
        return tuple(self._present(view, p) for p in found if state in (None, p.state))

    def _find_open(self, view: _View, ref: str) -> PullRequest | None:
        if ref not in view.refs:
            return None
        return self._present(view, self._read(view, self._number_at(view, ref))[1])

    def _open(self, view: _View, draft: PullRequestDraft) -> PullRequest:
        present = view.branch(draft.branch)
        if present != draft.head:
            raise head_moved(f"branch `{draft.branch}`", draft.head, present)
        now = self._clock.now()
        if open_ref(draft.branch) in view.refs:
            tip, known = self._read(view, self._number_at(view, open_ref(draft.branch)))
            wanted = known.model_copy(update=draft.model_dump())
            if wanted == known:
                return known
            return self._save(view, tip, known, wanted.model_copy(update={"updated": now}), "updated")
        number = max(view.numbers, default=0) + 1
        created = PullRequest(
            number=number,
            author=self._repository.identity,
            state=PullRequestState.OPEN,
            created=now,
            updated=now,
            **draft.model_dump(),
        )
        self._need(draft.head)
        root = self._document(created, (created.head,), "opened")
        still = RefUpdate(f"refs/heads/{draft.branch}", draft.head, draft.head)
        self._push(RefUpdate(pull_ref(number), None, root), RefUpdate(open_ref(draft.branch), None, root), still)
        return created

    def _comment(self, view: _View, number: int, text: str) -> PullRequest:
        tip, known = self._read(view, number)
        by = self._repository.identity
        if known.comments and (known.comments[-1].by, known.comments[-1].text) == (by, text):
            return known
        return self._save(view, tip, known, _commented(known, by, text, self._clock), "commented")

    def _approve(self, view: _View, number: int, head: str) -> PullRequest:
        tip, known = self._read(view, number)
        present = self._present(view, known)
        require_open(known)
        if view.branch(known.branch) is None:
            raise _Torn from branch_gone(known)
        if present.head != head:
            raise head_moved(f"pull request #{number}", head, present.head)
        by = self._repository.identity
        if same_person(by, known.author):
            raise ForgeError(
                f"{by} opened pull request #{number}, and cannot approve it",
                code="FLT-FRG-006",
                hints=("ask somebody else to run `fleet pr approve`, with an identity of their own in git",),
            )
        if any(same_person(a.by, by) and a.head == head for a in known.approvals):
            return present
        now = self._clock.now()
        approvals = (*known.approvals, Approval(by=by, head=head, time=now))
        wanted = known.model_copy(update={"head": head, "approvals": approvals, "updated": now})
        return self._save(view, tip, known, wanted, f"approved at {head[:7]}")

    def _report(self, view: _View, number: int, head: str, name: str, state: CheckState, url: str) -> PullRequest:
        tip, known = self._read(view, number)
        present = self._present(view, known)
        require_open(known)
        if present.head != head:
            raise head_moved(f"pull request #{number}", head, present.head)
        said = present.check(name)
        if said is not None and (said.state, said.url) == (state, url):
            return present
        now, by = self._clock.now(), self._repository.identity
        others = (check for check in known.checks if (check.name, check.head) != (name, head))
        checks = (*others, Check(name=name, state=state, head=head, by=by, time=now, url=url))
        wanted = known.model_copy(update={"head": head, "checks": checks, "updated": now})
        return self._save(view, tip, known, wanted, f"{name}: {state.value}")

    def _merge(
        self, view: _View, number: int, head: str, message: str, expected: str | None, fast_forward: bool
    ) -> PullRequest:
        tip, known = self._read(view, number)
        if known.state is PullRequestState.MERGED:
            if known.head == head:
                return known
            raise head_moved(f"pull request #{number}, which is merged,", head, known.head)
        require_open(known)
        base = view.branch(known.base_branch)
        if base is None:
            raise ForgeError(
                f"pull request #{number} wants to merge into `{known.base_branch}`, which is gone", code="FLT-FRG-009"
            )
        present = view.branch(known.branch)
        if present is None and not self._is_in(known.head, base):
            raise _Torn from branch_gone(known)
        if (present or known.head) != head:
            raise head_moved(f"pull request #{number}", head, present)
        if expected not in (None, base):
            raise BaseMovedError(f"`{known.base_branch}` moved to {base[:7]} while pull request #{number} was judged")
        self._need(head, base)
        moved, merged = self._merged(base, head, message, fast_forward)
        wanted = known.model_copy(
            update={
                "head": head,
                "state": PullRequestState.MERGED,
                "updated": self._clock.now(),
                "base": base,
                "merge_commit": merged,
                "merged_by": self._repository.identity,
            }
        )
        return self._save(
            view,
            tip,
            known,
            wanted,
            f"merged at {head[:7]}",
            (RefUpdate(f"refs/heads/{known.base_branch}", base, moved),),
        )

    def _close(self, view: _View, number: int, comment: str) -> PullRequest:
        tip, known = self._read(view, number)
        if known.state is PullRequestState.CLOSED:
            return known
        require_open(known)
        now = self._clock.now()
        head = view.branch(known.branch) or known.head
        closed = known.model_copy(update={"head": head, "state": PullRequestState.CLOSED, "updated": now})
        if comment:
            closed = _commented(closed, self._repository.identity, comment, self._clock)
        return self._save(view, tip, known, closed, "closed")

    # ── git ──

    def _merged(self, base: str, head: str, message: str, fast_forward: bool) -> tuple[str, str]:
        """Return where the base branch goes, and the commit with which the head is in it."""
        if self._repository.is_ancestor(head, base):
            return base, head  # a person merged it by hand
        if fast_forward and self._repository.is_ancestor(base, head):
            return head, head
        merged = self._repository.merge(base, head, message)
        return merged, merged

    def _is_in(self, head: str, base: str) -> bool:
        """Say whether a head was merged by hand; a head that nobody has any more was not."""
        self._bring(head, base)
        return self._repository.has(head) and self._repository.is_ancestor(head, base)

    def _look(self) -> _View:
        """Ask the remote for its refs."""
        return _View(self._repository.list_refs("refs/"))

    def _bring(self, *commits: str) -> None:
        """Make sure that commits are in this clone."""
        if not all(self._repository.has(commit) for commit in commits):
            self._repository.fetch()

    def _need(self, *commits: str) -> None:
        """Make sure that commits are in this clone, or start over: a branch was moved while we looked at it."""
        self._bring(*commits)
        gone = [commit for commit in commits if not self._repository.has(commit)]
        if gone:
            raise _Again from ConflictError(f"`{gone[0][:12]}` was replaced while it was read", code="FLT-FRG-008")

    def _number_at(self, view: _View, ref: str) -> int:
        """Return the number of the pull request that an open ref belongs to."""
        number = self._load(view.refs[ref], ref).number
        if pull_ref(number) not in view.refs:
            gone = ForgeError(f"`{ref}` belongs to pull request #{number}, which is gone", code="FLT-FRG-002")
            raise _Torn from gone
        return number

    def _read(self, view: _View, number: int) -> tuple[str, PullRequest]:
        """Return the newest commit of a pull request, and what it says."""
        tip = view.refs.get(pull_ref(number))
        if tip is None:
            raise ForgeError(f"there is no pull request #{number}", code="FLT-FRG-004", hints=("fleet pr list --all",))
        return tip, self._load(tip, pull_ref(number))

    def _load(self, commit: str, ref: str) -> PullRequest:
        """Return what the commit of a ref says."""
        self._bring(commit)
        try:
            content = self._repository.read_file(commit, FILE)
        except GitError as error:
            raise unreadable(ref) from error
        return decode(content, ref)

    def _present(self, view: _View, known: PullRequest) -> PullRequest:
        """Return a pull request as it stands: an open one has the head that its branch has now."""
        if known.state is not PullRequestState.OPEN:
            return known
        head = view.branch(known.branch)
        if head is None:
            return known.model_copy(update={"note": f"branch `{known.branch}` was deleted by hand"})
        if head == known.head:
            return known
        note = f"branch `{known.branch}` moved from {known.head[:7]} to {head[:7]} since this was last updated"
        return known.model_copy(update={"head": head, "note": note})

    def _document(self, pull_request: PullRequest, parents: Sequence[str], what: str) -> str:
        """Write a document's commit. It has the head as a parent, which so is kept when the branch is deleted."""
        message = f"Pull request #{pull_request.number}: {what}\n\n{pull_request.title}"
        return self._repository.commit(tuple(parents), {FILE: encode(pull_request)}, message, empty=True)

    def _save(
        self,
        view: _View,
        tip: str,
        known: PullRequest,
        wanted: PullRequest,
        what: str,
        moves: Sequence[RefUpdate] = (),
    ) -> PullRequest:
        """Write the next state of a pull request; one that is not open any more loses its branch and open ref."""
        if wanted.head != known.head:
            self._need(wanted.head)
        parents = (tip, wanted.head) if wanted.head != known.head else (tip,)
        updates = [RefUpdate(pull_ref(known.number), tip, self._document(wanted, parents, what)), *moves]
        if known.state is PullRequestState.OPEN and wanted.state is not PullRequestState.OPEN:
            for ref in (open_ref(known.branch), f"refs/heads/{known.branch}"):
                if ref in view.refs and ref not in {update.ref for update in updates}:
                    updates.append(RefUpdate(ref, view.refs[ref], None))
        elif known.state is PullRequestState.OPEN and wanted.head == view.branch(known.branch):
            updates.append(RefUpdate(f"refs/heads/{known.branch}", wanted.head, wanted.head))
        self._push(*updates)
        return self._present(view, wanted)

    def _push(self, *updates: RefUpdate) -> None:
        """Move refs at once, or start over: the next attempt tells a lost race that matters from one that does not."""
        failpoint("forge.before-push")
        try:
            self._repository.push(updates)
        except ConflictError as error:
            raise _Again from error
        failpoint("forge.after-push")

    def _repeat(self, attempt: Callable[[_View], _Answer]) -> _Answer:
        last: BaseException | None = None
        for number in range(_ATTEMPTS):
            try:
                return attempt(self._look())
            except _Again as lost:
                last = lost.__cause__
                if isinstance(lost, _Torn) and number + 1 >= _LOOKS:
                    break
                time.sleep(random.uniform(0, 0.01) * (number + 1))  # noqa: S311 - jitter, not a secret
        assert isinstance(last, FleetError)  # noqa: S101
        raise last


def _commented(known: PullRequest, by: str, text: str, clock: Clock) -> PullRequest:
    now = clock.now()
    return known.model_copy(update={"comments": (*known.comments, Comment(by=by, text=text, time=now)), "updated": now})
