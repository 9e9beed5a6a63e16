"""How locks, holds and rejected releases look."""

from __future__ import annotations

from fleet.console.terminal import Terminal
from fleet.engine.lines import one_line
from fleet.engine.restricting import moment
from fleet.model.restriction import HoldReport, Lock, LockReport, RejectionReport, RestrictionsReport

_WIDTH = 60


def show_lock(terminal: Terminal, report: LockReport) -> None:
    """Print what is locked now."""
    lock = report.lock
    until = f"until {moment(lock.expires)}" if lock.expires else f"until `fleet unlock {lock.id}`"
    word = "locked" if report.changed else "was locked already"
    terminal.print(f"{word}: {lock.scope}, {until}: {one_line(lock.reason)}")
    if lock.environment is None:
        terminal.print(f"it holds promotions into {', '.join(report.environments)}")


def show_unlock(terminal: Terminal, report: LockReport) -> None:
    """Print what is not locked any more."""
    lock = report.lock
    word = "unlocked" if report.changed else "was unlocked before"
    terminal.print(
        f"{word}: {lock.scope}, locked by {lock.owner} since {moment(lock.created)}: {one_line(lock.reason)}"
    )


def show_hold(terminal: Terminal, report: HoldReport) -> None:
    """Print what is held now."""
    held, word = report.hold, "held" if report.changed else "was held already"
    terminal.print(f"{word}: {held.app} in {held.environment}: {one_line(held.reason)}")


def show_released(terminal: Terminal, report: HoldReport) -> None:
    """Print what is not held any more."""
    held, word = report.hold, "released" if report.changed else "was released before"
    since = moment(held.created)
    terminal.print(
        f"{word}: {held.app} in {held.environment}, held by {held.owner} since {since}: {one_line(held.reason)}"
    )


def show_restrictions(terminal: Terminal, report: RestrictionsReport) -> None:
    """Print a line for each lock, hold and rejection."""
    rows = [_lock_row(lock, "lock") for lock in report.locks]
    rows += [_lock_row(lock, "ended") for lock in report.expired]
    rows += [
        ("hold", "", f"{h.app} in {h.environment}", "", moment(h.created), h.owner, one_line(h.reason, _WIDTH))
        for h in report.holds
    ]
    rows += [
        (
            "rejected",
            "",
            f"{r.app} {r.version} ({r.revision[:7]})",
            "",
            moment(r.created),
            r.owner,
            one_line(r.reason, _WIDTH),
        )
        for r in report.rejections
    ]
    if not rows:
        terminal.print("nothing is locked, held or rejected")
        return
    named = [
        (kind, name, what, until or "-", since, _name(who), why) for kind, name, what, until, since, who, why in rows
    ]
    terminal.table(("KIND", "ID", "WHAT", "UNTIL", "SINCE", "BY", "WHY"), named)


def show_rejecting(terminal: Terminal, report: RejectionReport) -> None:
    """Print what rejecting would do."""
    bad = report.rejection
    terminal.print(f"would reject {bad.app} {bad.version} ({bad.revision[:7]}): {bad.reason}")
    for proposal in report.withdrawn:
        terminal.print(f"would close #{proposal.number} {one_line(proposal.title)}")
    _show_live(terminal, report)


def show_rejection(terminal: Terminal, report: RejectionReport) -> None:
    """Print what was rejected, what was withdrawn, and where it still is."""
    bad = report.rejection
    word = "rejected" if report.changed else f"was rejected already by {bad.owner}"
    terminal.print(f"{word}: {bad.app} {bad.version} ({bad.revision[:7]}): {one_line(bad.reason)}")
    for proposal in report.withdrawn:
        terminal.print(f"closed #{proposal.number} {one_line(proposal.title)}")
    _show_live(terminal, report)


def _show_live(terminal: Terminal, report: RejectionReport) -> None:
    for live in report.live:
        clusters = "1 cluster" if live.clusters == 1 else f"{live.clusters} clusters"
        terminal.print(f"it is live in {live.environment} ({clusters}); go back with `{live.command}`")


def _lock_row(lock: Lock, kind: str) -> tuple[str, ...]:
    until = moment(lock.expires) if lock.expires else ""
    return (kind, lock.id, lock.scope, until, moment(lock.created), lock.owner, one_line(lock.reason, _WIDTH))


def _name(identity: str) -> str:
    return one_line(identity.partition(" <")[0])
