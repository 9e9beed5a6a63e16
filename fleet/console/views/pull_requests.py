"""How pull requests look."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.console.terminal import Terminal
from fleet.model.gate import GateResult, Verdict
from fleet.model.pull_request import PullRequest, PullRequestDiff, PullRequestReview, PullRequestState

VERDICT_STYLE = {Verdict.PASSED: "green", Verdict.PENDING: "yellow", Verdict.FAILED: "red"}
"""Colour of each verdict; its word says the same."""
_DIFF_STYLE = (("+++", "bold"), ("---", "bold"), ("+", "green"), ("-", "red"), ("@@", "cyan"), ("diff ", "bold"))


def show_list(terminal: Terminal, pull_requests: Sequence[PullRequest], *, everything: bool = False) -> None:
    """Print one line per pull request."""
    if not pull_requests:
        terminal.print("no pull requests" if everything else "no open pull requests")
        return
    columns = ["PR", "STATE", "TITLE", "BRANCH", "AUTHOR", "APPROVALS", "UPDATED"]
    rows = [
        [
            f"#{p.number}",
            p.state.value,
            _one_line(p.title),
            p.branch,
            _name(p.author),
            str(len(p.approvers)),
            f"{p.updated:%Y-%m-%d %H:%M}",
        ]
        for p in pull_requests
    ]
    terminal.table(columns, rows)


def show_review(terminal: Terminal, review: PullRequestReview) -> None:
    """Print a pull request: what it is, its text, who approved what, and what holds the merge."""
    found = review.pull_request
    terminal.print(f"#{found.number} {_one_line(found.title)}", "bold")
    terminal.print(f"{found.state.value}: {found.branch} -> {found.base_branch} at {found.head[:7]}, by {found.author}")
    if found.state is PullRequestState.MERGED:
        terminal.print(f"merged by {found.merged_by or 'nobody known'} as {(found.merge_commit or '')[:7]}")
    if found.note:
        terminal.print(f"note: {found.note}", "yellow")
    if review.environments:
        terminal.print(f"changes: {', '.join(review.environments)} ({_files(review.paths)})")
    if found.body.strip():
        terminal.print()
        terminal.print(found.body.rstrip())
    _show_approvals(terminal, found)
    for comment in found.comments:
        terminal.print()
        terminal.print(f"{comment.by} wrote at {comment.time:%Y-%m-%d %H:%M}:", "bold")
        terminal.print(comment.text.rstrip())
    if review.gates:
        terminal.print()
        show_gates(terminal, review.gates)


def show_gates(terminal: Terminal, gates: Sequence[GateResult]) -> None:
    """Print a line per gate: verdict, name and reason."""
    for gate in gates:
        terminal.print(f"[{gate.verdict.value}] {gate.name}: {gate.reason}", VERDICT_STYLE[gate.verdict])
        if gate.override is not None:
            terminal.print(f"  overridden by {gate.override.by}: {_one_line(gate.override.reason)}", "yellow")


def show_diff(terminal: Terminal, report: PullRequestDiff) -> None:
    """Print a unified diff."""
    if not report.diff:
        terminal.print("no difference")
    for line in report.diff.splitlines():
        terminal.print(line, next((style for start, style in _DIFF_STYLE if line.startswith(start)), None))


def _show_approvals(terminal: Terminal, found: PullRequest) -> None:
    if not found.approvals:
        return
    terminal.print()
    rows = []
    for approval in found.approvals:
        counts = approval.head == found.head and approval.by in found.approvers
        state = "counts" if counts else "stale" if approval.head != found.head else "author's own"
        rows.append([approval.by, approval.head[:7], state, f"{approval.time:%Y-%m-%d %H:%M}"])
    terminal.table(["APPROVED BY", "HEAD", "STATE", "TIME"], rows)


def _files(paths: Sequence[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths)} files"


def _name(identity: str) -> str:
    return identity.partition(" <")[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())
