"""How plans of promotions look, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fleet.console.terminal import Terminal
from fleet.console.views.changes import count_text, plural, show_changes
from fleet.console.views.pull_requests import show_gates
from fleet.engine.lines import one_line
from fleet.engine.message import origin_text, value_rows
from fleet.engine.plan_promotion import risks
from fleet.engine.pull_request_body import value_text
from fleet.model.events import Level
from fleet.model.promotion import PromotionKind, PromotionOutcome, PromotionPlan, PromotionResult, Setting
from fleet.model.release import Release

_COMMITS = 10
_RISKS = 2
_RISK_WIDTH = 60


def show_plans(terminal: Terminal, headline: str, plans: Sequence[PromotionPlan], *, wide: bool = False) -> None:
    """Print what each app would do: a row per app, then changes, warnings and gates."""
    terminal.print(headline, "bold")
    terminal.print()
    rows = [(p.app, _short(p.before), _short(p.after), _objects(p), _risk(p)) for p in plans]
    terminal.table(("APP", "NOW", "BECOMES", "OBJECTS", "RISK"), rows)
    for plan in plans:
        if not plan.nothing_to_do:
            _show_plan(terminal, plan, named=len(plans) > 1, wide=wide)


def headline(kind: PromotionKind, source: str | None, environment: str, clusters: int) -> str:
    """Return the first line of a plan: `Promote staging -> prod (2 clusters)`."""
    where = f"{environment} ({plural(clusters, 'cluster')})"
    if kind.moves_on:
        return f"{'Promote' if kind is PromotionKind.PROMOTION else 'Hotfix'} {source} -> {where}"
    return f"Release to {where}" if kind is PromotionKind.RELEASE else f"Roll back {where}"


def show_result(terminal: Terminal, result: PromotionResult, branch: str) -> None:
    """Print one line on what came of one app; what held it up goes to stderr with the reason."""
    plan = result.plan
    if result.outcome is PromotionOutcome.BLOCKED and result.error is not None:
        return show_blocked(terminal, result)
    if result.outcome is PromotionOutcome.FAILED and result.error is not None:
        return show_failed(terminal, result)
    terminal.print(_result_text(result, plan, branch))
    for line in _aftercare(result):
        terminal.print(line)
    return None


def _aftercare(result: PromotionResult) -> Iterator[str]:
    """Yield what else a rollback did."""
    if result.hold is not None:
        held = result.hold
        free = f"fleet release-hold {held.app} -e {held.environment}"
        yield f"{held.app} is held in {held.environment} until `{free}`: {held.reason}"
    if result.rejection is not None:
        bad = result.rejection
        yield f"{bad.app} {bad.version} ({bad.revision[:7]}) is rejected: {bad.reason}"
    if result.withdrawn:
        yield f"closed {', '.join(f'#{number}' for number in result.withdrawn)}, which would have brought it"


def show_blocked(terminal: Terminal, result: PromotionResult) -> None:
    """Print what holds a promotion, and how to go on."""
    error = result.error
    if error is None:
        return
    terminal.talk(f"blocked: {result.app}: {error.message}", "yellow")
    for hint in error.hints:
        terminal.talk(f"hint: {hint}", "cyan")


def show_failed(terminal: Terminal, result: PromotionResult) -> None:
    """Print an error of one app in the form of every error."""
    error = result.error
    if error is None:
        return
    terminal.talk(f"error[{error.code}]: {error.message}", "red")
    if error.location:
        terminal.talk(f"  at {error.location}")
    if error.hints:
        terminal.talk()
    for hint in error.hints:
        terminal.talk(f"hint: {hint}", "cyan")


def _result_text(result: PromotionResult, plan: PromotionPlan | None, branch: str) -> str:
    number = f"#{result.pull_request}"
    title = plan.title if plan is not None else result.app
    after = plan.after.short if plan is not None else "this release"
    verb = "promote" if plan is not None and plan.kind.moves_on else "do"
    texts = {
        PromotionOutcome.OPENED: f"opened {number} {title}",
        PromotionOutcome.UPDATED: f"updated {number} {title}",
        PromotionOutcome.UNCHANGED: f"{number} {title} is up to date",
        PromotionOutcome.COMMITTED: f"committed {(result.commit or '')[:7]} to {branch}: {title}",
        PromotionOutcome.NOTHING: f"nothing to {verb}: {result.environment} has {result.app} {after} already",
    }
    if result.outcome is PromotionOutcome.PLANNED:
        if result.pull_request is not None:
            return f"would bring {number} up to date: {title}"
        return f"would {'commit' if plan is not None and plan.direct else 'open a pull request'}: {title}"
    return texts[result.outcome]


def _show_plan(terminal: Terminal, plan: PromotionPlan, *, named: bool, wide: bool) -> None:
    if named:
        terminal.print()
        terminal.print(plan.title, "bold")
    if plan.distance:
        terminal.print()
        terminal.print(plan.distance)
    _show_values(terminal, plan)
    _show_commits(terminal, plan)
    total = sum(len(group.targets) for group in plan.groups)
    for group in plan.groups:
        names = ", ".join(target.cluster for target in group.targets)
        terminal.print()
        text = count_text(group.changes) or "no object changes"
        terminal.print(f"{names} ({len(group.targets)} of {plural(total, 'cluster')}): {text}")
        show_changes(terminal, group.changes, short=not wide and len(group.changes.objects) > 40)
    if plan.gates:
        terminal.print()
        show_gates(terminal, plan.gates)
    for warning in plan.warnings:
        terminal.say(Level.WARN, warning)


def _show_values(terminal: Terminal, plan: PromotionPlan) -> None:
    """Print what becomes of each value of the release, and the three sides of those in conflict."""
    rows = value_rows(plan)
    if not rows:
        return
    terminal.print()
    table = [(r["name"], _value(r["before"]), _value(r["after"]), r["what"], r["who"]) for r in rows]
    terminal.table(("VALUE", "NOW", "BECOMES", "", "SET BY"), table)
    for move in plan.conflicts:
        terminal.print()
        terminal.print(f"`{move.path}` was changed on both sides:", "yellow")
        sides = (("base", move.base), ("ours", move.ours), ("theirs", move.theirs))
        terminal.table(("SIDE", "VALUE", "AT", "SET BY"), [_side(name, setting) for name, setting in sides])


def _side(name: str, setting: Setting | None) -> tuple[str, ...]:
    if setting is None:
        return (name, "(not set)", "", "")
    place = str(setting.location) if setting.location is not None else ""
    return (name, _value(setting.value), place, origin_text(setting))


def _value(value: Any) -> str:
    """Return a value as one short line; nothing for one that is not set."""
    return "" if value is None else one_line(value_text(value), 40)


def _show_commits(terminal: Terminal, plan: PromotionPlan) -> None:
    if not plan.commits:
        return
    terminal.print()
    verb = "leaves out again" if plan.backwards else "brings"
    terminal.print(f"{verb} {plural(len(plan.commits), 'commit')} of apps/{plan.app}:")
    for commit in plan.commits[:_COMMITS]:
        terminal.print(f"  {commit.id[:7]}  {commit.subject}")
    if len(plan.commits) > _COMMITS:
        terminal.print(f"  and {len(plan.commits) - _COMMITS} more")


def _short(release: Release | None) -> str:
    return release.short if release is not None else ""


def _objects(plan: PromotionPlan) -> str:
    if plan.nothing_to_do:
        return "nothing to do"
    texts = list(dict.fromkeys(count_text(group.changes) or "unchanged" for group in plan.groups))
    return " / ".join(texts)


def _risk(plan: PromotionPlan) -> str:
    found = risks(plan.groups)
    texts = [f"{risk} ({plural(len(refs), 'object')})" for risk, refs in found[:_RISKS]]
    if len(found) > _RISKS:
        texts.append(f"{len(found) - _RISKS} more")
    text = ", ".join(texts)
    return text if len(text) <= _RISK_WIDTH else f"{text[: _RISK_WIDTH - 1]}…"
