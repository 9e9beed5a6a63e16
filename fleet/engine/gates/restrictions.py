"""Locks, holds and rejected releases: what people put in the way of a promotion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.engine.gates.case import OPEN, Case
from fleet.engine.lines import one_line
from fleet.engine.restricting import holds, is_active, locks, moment, rejection_of
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind
from fleet.model.restriction import Lock

_SHOWN = 3


def judge_locks(case: Case) -> Iterator[GateResult]:
    """Yield a pending gate if a lock that has not ended fits. Rollbacks are held too: whoever locks means all."""
    name = f"lock({case.environment})"
    known = case.observed.restrictions
    if known is None:
        yield _unknown(case, name)
        return
    found = [k for k in known.locks if locks(k, case.fleet, case.app, case.environment) and is_active(k, case.now)]
    if not found:
        return
    ends = [lock.expires for lock in found if lock.expires is not None]
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    yield GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason="; ".join(_told(lock) for lock in found[:_SHOWN]) + more,
        holds=OPEN,
        hint="; ".join(f"fleet unlock {lock.id}" for lock in found[:_SHOWN]),
        since=min(lock.created for lock in found),
        clears=_people([lock.owner for lock in found]),
        earliest=max(ends) if len(ends) == len(found) else None,
    )


def judge_holds(case: Case) -> Iterator[GateResult]:
    """Yield a pending gate if the app is held in the environment. A rollback is what one holds for: it passes."""
    if case.kind is PromotionKind.ROLLBACK:
        return
    name = f"hold({case.environment})"
    known = case.observed.restrictions
    if known is None:
        yield _unknown(case, name)
        return
    for hold in known.holds:
        if holds(hold, case.app, case.environment):
            yield GateResult(
                name=name,
                verdict=Verdict.PENDING,
                reason=f"held by {one_line(hold.owner)} since {moment(hold.created)}: {one_line(hold.reason)}",
                holds=OPEN,
                hint=f"fleet release-hold {hold.app} -e {hold.environment}",
                since=hold.created,
                clears=one_line(hold.owner),
            )


def judge_rejections(case: Case) -> Iterator[GateResult]:
    """Yield a failed gate if the release was rejected; it then goes nowhere any more, not even back."""
    known = case.observed.restrictions
    if known is None:
        yield _unknown(case, "rejected")
        return
    found = rejection_of(known.rejections, case.app, case.after.version, case.after.revision)
    if found is not None:
        rollback = case.kind is PromotionKind.ROLLBACK
        yield GateResult(
            name="rejected",
            verdict=Verdict.FAILED,
            reason=f"{case.app} {case.after.short} was rejected by {one_line(found.owner)}: {one_line(found.reason)}",
            holds=OPEN,
            hint=f"name another one with `--to VERSION`: `fleet history {case.environment} -a {case.app}`"
            if rollback
            else f"release a newer one: `fleet release {case.app}`",
            since=found.created,
            clears="nobody: a rejection stays",
        )


def _told(lock: Lock) -> str:
    until = f", until {moment(lock.expires)}" if lock.expires else ""
    return f"`{lock.id}` of {one_line(lock.owner)} locks {one_line(lock.scope)}{until}: {one_line(lock.reason)}"


def _people(owners: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(one_line(owner) for owner in owners))


def _unknown(case: Case, name: str) -> GateResult:
    why = one_line(case.observed.unread) or "nobody could be asked"
    return GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason=f"locks, holds and rejections are not known: {why}",
        holds=OPEN,
        hint="fleet locks",
    )
