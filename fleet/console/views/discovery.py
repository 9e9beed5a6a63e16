"""How the findings of release discovery look."""

from __future__ import annotations

from collections import Counter

from fleet.console.terminal import Terminal
from fleet.console.views.promotion import show_blocked, show_failed, show_result
from fleet.engine.references import parse
from fleet.model.discoveries import Discoveries, ImageDiscovery, Verdict, VersionList
from fleet.model.events import Level
from fleet.model.promotion import PromotionOutcome, PromotionResult

_BLOCKED = 4


def show_findings(terminal: Terminal, report: Discoveries, *, wide: bool = False) -> None:
    """Print a row for each image; in the wide form every tag with its verdict too."""
    if not report.apps:
        terminal.print("no app has rules of discovery")
        return
    rows = [
        (app.app, app.environment or "-", one.image, _tag(one.present), one.version or "-", _state(one))
        for app in report.apps
        for one in app.images
    ]
    if rows:
        terminal.table(("APP", "ENVIRONMENT", "IMAGE", "NOW", "NEWER", "TAGS"), rows)
    for app in report.apps:
        for one in app.images:
            if wide:
                terminal.print()
                terminal.print(f"{app.app}: {one.image}, in {one.repository}", "bold")
                terminal.table(
                    ("TAG", "VERSION", "VERDICT", "REASON"),
                    [(t.tag, t.version or "-", t.verdict.value, t.reason) for t in one.tags],
                )
            for note in one.notes:
                terminal.say(Level.WARN, f"{app.app}: {note}")


def show_results(terminal: Terminal, report: Discoveries, branch: str) -> None:
    """Print what came of each app that there is something to say about; what holds it up goes to stderr."""
    for app in report.apps:
        if app.result is not None:
            show_result(terminal, app.result, branch)
        elif app.error is not None:
            failure = PromotionResult(
                app=app.app, environment=app.environment or "", outcome=PromotionOutcome.FAILED, error=app.error
            )
            (show_blocked if app.error.exit_code == _BLOCKED else show_failed)(terminal, failure)
    if report.apps and all(app.result is None and app.error is None for app in report.apps):
        terminal.print("nothing newer: every image runs in its newest version that fits")


def show_versions(terminal: Terminal, report: VersionList) -> None:
    """Print a row for each version."""
    if not report.versions:
        terminal.print(f"{report.repository} has no such version ({report.tags} tags)")
        return
    rows = [(one.version or "-", one.tag, one.kind or "-", one.digest or "-") for one in report.versions]
    terminal.table(("VERSION", "TAG", "KIND", "DIGEST"), rows)


def _tag(reference: str) -> str:
    parsed = parse(reference)
    return parsed.tag or (parsed.digest or "-")[:19]


def _state(one: ImageDiscovery) -> str:
    if not one.tags:
        return "-"
    counted = Counter(tag.verdict for tag in one.tags)
    return f"{len(one.tags)}, {counted[Verdict.SKIPPED]} skipped"
