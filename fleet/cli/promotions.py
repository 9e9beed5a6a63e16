"""What promote, release and rollback have in common: showing the plan, asking, the report and the exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fleet.cli.session import Session
from fleet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fleet.model.promotion import PromotionKind, PromotionResult
    from fleet.operations.common.planning import Planned, World


def wishes_of(session: Session, overrides: Sequence[str] | None, reason: str | None, at: datetime | None = None) -> Any:
    """Return what a person asked for beside the promotion itself.

    Raises:
        UsageError: an override without a reason, or a reason for nothing.
    """
    from fleet.model.gate import Override
    from fleet.operations.common.deciding import Wishes

    if overrides and not (reason or "").strip():
        raise UsageError(
            "`--override` needs a reason for the record", hints=(f"add `--reason TEXT` to `--override {overrides[0]}`",)
        )
    by = session.services.repository.identity if overrides else ""
    made = tuple(Override(gate=gate, by=by, reason=(reason or "").strip()) for gate in dict.fromkeys(overrides or ()))
    return Wishes(overrides=made, at=at)


def show_plan(
    session: Session, kind: PromotionKind, planned: Sequence[Planned], world: World, source: str | None
) -> None:
    """Print what is going to happen in one environment; nothing if there is nothing to do, or a machine reads."""
    from fleet.console.views.promotion import headline, show_plans

    plans = [one.plan for one in planned if one.plan is not None]
    if session.output.machine or all(plan.nothing_to_do for plan in plans):
        return
    environment = plans[0].environment
    line = headline(kind, source, environment, len(world.fleet.environments[environment].clusters))
    show_plans(session.terminal, line, plans, wide=session.output.form == "wide")
    session.terminal.print()


def carry_out(
    session: Session,
    schema: str,
    planned: Sequence[Planned],
    world: World,
    *,
    execute: Callable[[], Sequence[PromotionResult]],
    question: Callable[[], str],
    dry_run: bool,
    yes: bool,
) -> None:
    """Ask, do what was planned, and end the command. A dry run, or a plan of which nothing is ready, does nothing."""
    if dry_run or not any(one.ready for one in planned):
        results: Sequence[PromotionResult] = [one.result() for one in planned]
    else:
        session.confirm(question(), yes=yes)
        results = execute()
    conclude(session, schema, results, world.branch, next_steps(results, dry_run=dry_run))


def conclude(session: Session, schema: str, results: Sequence[PromotionResult], branch: str, advice: str) -> None:
    """Print the results, say what comes next, and end the command with the status that they call for."""
    from fleet.console.views.promotion import show_result

    def text(terminal: Any) -> None:
        if not results:
            terminal.print("nothing to promote")
        for result in results:
            show_result(terminal, result, branch)

    ok = all(result.ok for result in results)
    session.show(schema, {"results": list(results)}, text, ok=ok, errors=_errors(results))
    if advice:
        session.next(advice)
    status = exit_code(results)
    if status is not ExitCode.OK:
        session.exit(status)


def next_steps(results: Sequence[PromotionResult], *, dry_run: bool) -> str:
    """Return what a person would do next; empty if that is for somebody else to say."""
    from fleet.model.promotion import PromotionOutcome

    if dry_run:
        return ""
    for result in results:
        if result.outcome in (PromotionOutcome.OPENED, PromotionOutcome.UPDATED, PromotionOutcome.UNCHANGED):
            merge = f"fleet pr merge {result.pull_request}"
            if result.plan is not None and result.plan.approvals_wanted:
                return f"fleet pr approve {result.pull_request} (somebody else), then {merge}"
            return f"{merge}, then fleet reconcile -e {result.environment}"
        if result.outcome is PromotionOutcome.COMMITTED:
            return f"fleet reconcile -e {result.environment}"
    return ""


def exit_code(results: Sequence[PromotionResult]) -> ExitCode:
    """Return the exit status: that of the error of a single app; of several, a failure outweighs a block."""
    statuses = {ExitCode(r.error.exit_code) if r.error else ExitCode.NO for r in results if not r.ok}
    if not statuses:
        return ExitCode.OK
    if len(results) == 1 or statuses == {ExitCode.BLOCKED}:
        return statuses.pop()
    return ExitCode.NO


def _errors(results: Sequence[PromotionResult]) -> list[dict[str, Any]]:
    from fleet.console.output import error_data
    from fleet.errors import FleetError

    return [
        error_data(FleetError(r.error.message, code=r.error.code, hints=r.error.hints))[0]
        for r in results
        if r.error is not None
    ]
