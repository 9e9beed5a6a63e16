"""How the comparison of two environments looks: releases, then values, then objects."""

from __future__ import annotations

from fleet.console.errors import show_problems
from fleet.console.terminal import Terminal
from fleet.console.views.changes import count_text, plural, show_changes, value_text
from fleet.model.comparison import EnvironmentComparison, ObjectsDifference, ReleaseDifference, ValueDifference
from fleet.model.provenance import ValueOrigin
from fleet.model.release import Release


def show_comparison(terminal: Terminal, report: EnvironmentComparison) -> None:
    """Print how two environments differ, and end with a sum."""
    _show_releases(terminal, report)
    _show_values(terminal, report)
    for difference in report.objects or ():
        _show_objects(terminal, report, difference)
    show_problems(terminal, report.problems)
    terminal.print()
    terminal.print(_sum(report))


def _show_releases(terminal: Terminal, report: EnvironmentComparison) -> None:
    rows = [[r.app, _release(r.a, r.in_a), _release(r.b, r.in_b), _standing(r)] for r in report.releases]
    styles = ["yellow" if r.different else None for r in report.releases]
    terminal.table(["APP", report.a.upper(), report.b.upper(), "RELEASE"], rows, styles=styles)


def _release(release: Release | None, present: bool) -> str:
    if not present:
        return "does not run here"
    return release.short if release is not None else "no release"


def _standing(difference: ReleaseDifference) -> str:
    if not difference.different:
        return "same"
    if not (difference.in_a and difference.in_b) or difference.a is None:
        return "different"
    if difference.b is None:
        return "new: carried"
    parts = [
        name
        for name, a, b in (
            ("version", difference.a.version, difference.b.version),
            ("templates", difference.a.revision, difference.b.revision),
            ("images", difference.a.images, difference.b.images),
            ("promoted values", difference.a.values, difference.b.values),
        )
        if a != b
    ]
    return f"{', '.join(parts)}: carried"


def _show_values(terminal: Terminal, report: EnvironmentComparison) -> None:
    if not report.values:
        return
    terminal.print()
    rows = [
        [v.app, v.path, _setting(v.a), _setting(v.b), v.carried.value, _origin(v.a, v.b)]
        for v in sorted(report.values, key=_order)
    ]
    headings = ["APP", "VALUE", report.a.upper(), report.b.upper(), "PROMOTION", "SET IN"]
    terminal.table(headings, rows)


def _order(difference: ValueDifference) -> tuple[str, str, str]:
    return difference.app, difference.carried.value, difference.path


def _setting(origin: ValueOrigin | None) -> str:
    return "not set" if origin is None or origin.value is None else value_text(origin.value)


def _origin(a: ValueOrigin | None, b: ValueOrigin | None) -> str:
    """Return the files that set both sides; where it is one file, once."""
    places = [str(o.location) if o.location else o.source for o in (a, b) if o is not None]
    return " | ".join(dict.fromkeys(places))


def _show_objects(terminal: Terminal, report: EnvironmentComparison, difference: ObjectsDifference) -> None:
    where = f"{difference.app}: {report.a}/{difference.cluster_a} and {report.b}/{difference.cluster_b}"
    terminal.print()
    if difference.carried.empty and difference.stays.empty:
        terminal.print(f"{where}: objects are the same", "bold")
        return
    terminal.print(where, "bold")
    if not difference.carried.empty:
        terminal.print(f"  carried: a promotion changes {report.b}  ({count_text(difference.carried)})")
        show_changes(terminal, difference.carried, indent="    ")
    if not difference.stays.empty:
        terminal.print(f"  stays: {report.b} afterwards → {report.a}  ({count_text(difference.stays)})")
        show_changes(terminal, difference.stays, indent="    ")


def _sum(report: EnvironmentComparison) -> str:
    if not report.different:
        return f"`{report.a}` and `{report.b}` do not differ"
    parts = []
    releases = sum(1 for r in report.releases if r.different)
    if releases:
        parts.append(plural(releases, "release"))
    if report.values:
        parts.append(plural(len(report.values), "value"))
    objects = sum(len({c.ref for c in (*o.carried.objects, *o.stays.objects)}) for o in report.objects or ())
    if objects:
        parts.append(plural(objects, "object"))
    return f"`{report.a}` and `{report.b}` differ in {', '.join(parts)}"
