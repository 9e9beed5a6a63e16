"""Review and merge pull requests: the one place where the policy of the base branch decides about a merge."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime

from fleet.engine.approvals import (
    Requirement,
    approvals_gate,
    check_gates,
    owners_gate,
    requirement,
    role_gates,
)
from fleet.engine.codeowners import PLACES, owners_of
from fleet.errors import BaseMovedError, BlockedError, ConflictError, ForgeError, UsageError
from fleet.model.gate import GateResult, Verdict
from fleet.model.pull_request import CheckState, PullRequest, PullRequestDiff, PullRequestReview, PullRequestState
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.merging import promotion_gates
from fleet.operations.common.observing import Senses
from fleet.operations.common.planning import World
from fleet.operations.common.recording import closed as closed_entries
from fleet.operations.common.recording import merge_decided
from fleet.operations.common.recording import merged as merged_entries
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.forge import Forge, ForgeReader
from fleet.ports.ledger import LedgerWriter
from fleet.ports.renderer import Renderer
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import EntryKind

_COMMIT = re.compile(r"\A[0-9a-f]{7,64}\Z")
_ATTEMPTS = 5
"""How often a merge is judged, if the base branch moves each time; each time somebody else got something merged."""
_TRAILER = re.compile(r"^Fleet-[A-Za-z-]+: .+$")


def list_pull_requests(*, forge: ForgeReader, everything: bool = False) -> tuple[PullRequest, ...]:
    """Return open pull requests, or all of them; newest first."""
    return tuple(forge.list(None if everything else PullRequestState.OPEN))


def review_pull_request(
    number: int,
    *,
    at: datetime | None = None,
    forge: ForgeReader,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    pin_editor: PinEditor,
    senses: Senses,
    branch: str,
) -> PullRequestReview:
    """Return a pull request with the gates that hold its merge.

    One that changes a release is a promotion, whoever wrote it, and is judged as one.

    Args:
        number: number of the pull request.
        at: the time that it is judged for; None: now.
        forge: where it lives.
        repository: where its files are.
        loader: reads the policies.
        renderer: renders what it promotes.
        pin_editor: reads pins.
        senses: where to look for what gates need.
        branch: the protected branch, whose policies count.

    Raises:
        ForgeError: there is no such pull request.
        ConfigError: the policies cannot be read; without them nothing is merged.
    """
    found = forge.get(number)
    fleet, tree = load_fleet(repository, loader, branch)  # fetches: policies and the base branch are of one moment
    base = _base(found, repository)
    paths = tuple(repository.changed_paths(base, found.head))
    needed = requirement(fleet, paths)
    gates: tuple[GateResult, ...] = ()
    if found.state is PullRequestState.OPEN:
        world = World(fleet, tree, repository, loader, renderer, pin_editor, branch)
        gates = (*promotion_gates(found, paths, world, senses, at), *_gates(found, base, paths, needed, world))
    return PullRequestReview(
        pull_request=found,
        paths=paths,
        environments=needed.environments,
        required_approvals=needed.approvals,
        approvers=found.approvers,
        merge_method=needed.merge_method,
        base=base,
        gates=gates,
    )


def diff_pull_request(number: int, *, forge: ForgeReader, repository: RepositoryReader) -> PullRequestDiff:
    """Return what a pull request changes.

    Raises:
        ForgeError: there is no such pull request.
    """
    repository.fetch()
    found = forge.get(number)
    base = _base(found, repository)
    return PullRequestDiff(number=number, base=base, head=found.head, diff=repository.diff(base, found.head))


def approve_pull_request(
    number: int,
    head: str | None = None,
    *,
    forge: Forge,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    pin_editor: PinEditor,
    senses: Senses,
    branch: str,
) -> PullRequestReview:
    """Approve the head that the reader saw (None: the present one), and return what is still missing.

    Raises:
        ConflictError: the pull request has another head by now.
        ForgeError: it is not open, or the approver opened it.
    """
    found = forge.get(number)
    forge.approve(number, _same_head(found, head))
    return review_pull_request(
        number,
        forge=forge,
        repository=repository,
        loader=loader,
        renderer=renderer,
        pin_editor=pin_editor,
        senses=senses,
        branch=branch,
    )


def merge_pull_request(
    number: int,
    head: str | None = None,
    *,
    forge: Forge,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    pin_editor: PinEditor,
    senses: Senses,
    ledger: LedgerWriter,
    branch: str,
) -> PullRequest:
    """Merge a pull request, if the policy of the protected branch lets it. Merging a merged one returns it.

    It is merged into the very commit that it was judged for. If somebody else moves the base branch meanwhile, it is
    judged again, a few times.

    Args:
        number: number of the pull request.
        head: the head that the reader saw; None: the present one.
        forge: where it lives.
        repository: where its files are.
        loader: reads the policies.
        renderer: renders what it promotes.
        pin_editor: reads pins.
        senses: where to look for what gates need.
        ledger: gets the decision, before anything is merged.
        branch: the protected branch.

    Raises:
        BlockedError: a gate holds it, such as missing approvals.
        ConflictError: it has another head by now, or conflicts with the base branch, or that does not stand still.
        ForgeError: it is closed, or its branch is gone.
    """
    for _ in range(_ATTEMPTS):
        review = review_pull_request(
            number,
            forge=forge,
            repository=repository,
            loader=loader,
            renderer=renderer,
            pin_editor=pin_editor,
            senses=senses.acting,
            branch=branch,
        )
        with suppress(BaseMovedError):
            return merge_reviewed(review, head, forge=forge, repository=repository, ledger=ledger)
    raise ConflictError(
        f"pull request #{number} was not merged: its base branch moved {_ATTEMPTS} times while it was judged",
        code="FLT-FRG-011",
        hints=(f"run it again when fewer people merge: `fleet pr merge {number}`",),
    )


def merge_reviewed(
    review: PullRequestReview,
    head: str | None,
    *,
    forge: Forge,
    repository: RepositoryReader,
    ledger: LedgerWriter,
) -> PullRequest:
    """Merge into the commit that it was judged for.

    Raises:
        BaseMovedError: the base branch is at another one by now.
        BlockedError: a gate holds it.
        ConflictError: it has another head by now, or conflicts with the base branch.
        ForgeError: it is closed, or its branch is gone.
    """
    found = review.pull_request
    if found.state is PullRequestState.MERGED:
        ledger.append(merged_entries(found, repository))
        return found
    seen = _same_head(found, head)
    if found.state is PullRequestState.OPEN:
        _require_gates(review)
        ledger.append(merge_decided(review, seen, repository))
    message = merge_message(review, repository)
    fast_forward = review.merge_method == "fast-forward"
    merged = forge.merge(found.number, seen, message, base=review.base, fast_forward=fast_forward)
    repository.fetch()
    ledger.append(merged_entries(merged, repository))
    return merged


def report_check(number: int, name: str, state: CheckState, head: str | None, url: str, *, forge: Forge) -> PullRequest:
    """Report what a check found of the head of a pull request; the newest report of a name counts.

    Raises:
        ConflictError: the pull request has another head by now.
        ForgeError: there is no such pull request, or it is not open.
    """
    found = forge.get(number)
    return forge.report(number, _same_head(found, head), name, state, url)


def close_pull_request(
    number: int, comment: str = "", *, forge: Forge, repository: RepositoryReader, ledger: LedgerWriter
) -> PullRequest:
    """Close a pull request without merging it.

    Raises:
        ForgeError: it is merged.
    """
    found = forge.close(number, comment)
    ledger.append(closed_entries(found, repository))
    return found


def merge_message(review: PullRequestReview, repository: RepositoryReader) -> str:
    """Return the message of the merge commit: what is merged, and the trailers from which history is rebuilt."""
    found = review.pull_request
    head = next(iter(repository.log(found.head, limit=1)))
    last_paragraph = head.message.rstrip().rpartition("\n\n")[2]
    trailers = [line for line in last_paragraph.splitlines() if _TRAILER.match(line)]
    trailers += [f"Fleet-Pull-Request: {found.number}"]
    trailers += [f"Fleet-Approved-By: {_one_line(who)}" for who in review.approvers]
    return f"Merge pull request #{found.number}: {_one_line(found.title)}\n\n" + "\n".join(dict.fromkeys(trailers))


def _gates(
    found: PullRequest, base: str, paths: tuple[str, ...], needed: Requirement, world: World
) -> tuple[GateResult, ...]:
    members = world.fleet.file.roles
    gates = [approvals_gate(found, needed), *role_gates(found, needed, members)]
    if needed.codeowners:
        gates.append(owners_gate(found, owners_of(_codeowners(world), paths), members))
    gates += check_gates(found, needed)
    return (*gates, _branch_gate(found, world.repository), _mergeable_gate(found, base, world.repository))


def _codeowners(world: World) -> str:
    """Return `CODEOWNERS` of the protected branch; empty if there is none."""
    for path in PLACES:
        if any(entry.path == path and entry.kind is EntryKind.FILE for entry in world.tree.entries(path)):
            return world.tree.read(path).decode(errors="replace")
    return ""


def _branch_gate(found: PullRequest, repository: RepositoryReader) -> GateResult:
    if repository.head_of(found.branch) is None:
        hint = f"git push origin {found.head}:refs/heads/{found.branch}"
        return GateResult(
            name="branch", verdict=Verdict.FAILED, reason=found.note or "it was deleted", holds="merge", hint=hint
        )
    return GateResult(name="branch", verdict=Verdict.PASSED, reason=found.note or "up to date", holds="merge")


def _mergeable_gate(found: PullRequest, base: str, repository: RepositoryReader) -> GateResult:
    conflicts = repository.conflicts(base, found.head)
    if not conflicts:
        reason = f"no conflict with `{found.base_branch}`"
        return GateResult(name="mergeable", verdict=Verdict.PASSED, reason=reason, holds="merge")
    shown = ", ".join(conflicts[:5]) + (" …" if len(conflicts) > 5 else "")
    return GateResult(
        name="mergeable",
        verdict=Verdict.FAILED,
        reason=f"conflicts with `{found.base_branch}` in {shown}",
        holds="merge",
        hint="run the promotion again: it starts from the present base branch",
    )


def _require_gates(review: PullRequestReview) -> None:
    """Refuse a merge that a gate holds; all reasons at once.

    Raises:
        BlockedError: not yet: approvals are missing.
        ConflictError: the branches conflict.
        ForgeError: the branch is gone.
    """
    held = review.held_by
    if not held:
        return
    number = review.pull_request.number
    reasons = "; ".join(f"{gate.name}: {gate.reason}" for gate in held)
    hints = tuple(gate.hint for gate in held if gate.hint)
    failed = {gate.name for gate in held if gate.verdict is Verdict.FAILED}
    message = f"pull request #{number} cannot be merged: {reasons}"
    if "branch" in failed:
        raise ForgeError(message, code="FLT-FRG-007", hints=hints)
    if "mergeable" in failed:
        raise ConflictError(message, code="FLT-GIT-040", hints=hints)
    raise BlockedError(message.replace("cannot be merged", "cannot be merged yet"), code="FLT-GAT-010", hints=hints)


def _base(found: PullRequest, repository: RepositoryReader) -> str:
    """Return what a pull request is compared with: the base branch now, or as it was before the merge."""
    base = found.base or repository.head_of(found.base_branch)
    if base is None:
        raise ForgeError(
            f"pull request #{found.number} wants to merge into `{found.base_branch}`, which is gone",
            code="FLT-FRG-009",
        )
    return base


def _same_head(found: PullRequest, seen: str | None) -> str:
    """Return the head, if it is still the one that the reader saw.

    Raises:
        ConflictError: it is another one.
        UsageError: what the reader gave is not (the start of) a commit id.
    """
    if seen is not None and not _COMMIT.match(seen):
        raise UsageError(
            f"`{_one_line(seen)[:80]}` is not a commit id of at least 7 digits",
            hints=(f"the head is {found.head}; look at it with `fleet pr diff {found.number}`",),
        )
    if seen is not None and not found.head.startswith(seen):
        raise ConflictError(
            f"pull request #{found.number} is at {found.head[:7]} now, not at {seen[:7]}",
            code="FLT-FRG-008",
            hints=(f"fleet pr diff {found.number}",),
        )
    return found.head


def _one_line(text: str) -> str:
    return " ".join(text.split())
