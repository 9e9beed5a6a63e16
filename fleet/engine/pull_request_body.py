"""What the body of a pull request says, as data for its template. Pure.

Nothing that comes from a repository or a cluster is taken for Markdown: it stands in code spans and code blocks, where
forges neither link, nor notify (`@name`), nor close issues (`fixes #1`). Values of Secrets are masked in the plan
already. The size is bounded by leaving out details, coarser and coarser, and the body says what was left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fleet.engine.lines import one_line
from fleet.engine.message import changes_of, summary, value_rows
from fleet.engine.plan_promotion import cannot_be_undone, risks
from fleet.model.change import MASK, ChangeKind, FieldChange, ObjectChange
from fleet.model.gate import Verdict
from fleet.model.promotion import PromotionKind, PromotionPlan, TargetGroup

BODY_LIMIT = 60_000
"""Bytes of a body; GitHub refuses more than 65,536 characters."""

_SIGN = {ChangeKind.ADDED: "+", ChangeKind.CHANGED: "~", ChangeKind.REMOVED: "-", ChangeKind.MISSING: "-"}


@dataclass(frozen=True, slots=True)
class Detail:
    """How much a body tells."""

    fields: int
    """Fields of each object."""
    objects: int
    """Objects of each group."""
    groups: int
    rows: int
    """Rows of tables and items of lists."""
    left_out: str
    """What a reader of this body has to look for elsewhere; empty if nothing is cut by rule."""


LEVELS = (
    Detail(200, 500, 100, 100, ""),
    Detail(10, 100, 30, 60, "Only the first fields of each object are shown"),
    Detail(0, 60, 15, 40, "Fields are left out"),
    Detail(0, 0, 10, 12, "Objects are left out"),
)
"""From everything to little; the first one that fits is taken, and the last one always fits."""


def context(plan: PromotionPlan, detail: Detail) -> dict[str, Any]:
    """Return what the template of a body sees. Texts are ready to stand in Markdown."""
    clusters = [target for group in plan.groups for target in group.targets]
    changing = [group for group in plan.groups if not group.changes.empty]
    shown = changing[: detail.groups]
    rows, values = _rows(plan), _values(plan)
    shown_commits = plan.commits[: min(detail.rows, 20)]
    return {
        "headline": _headline(plan),
        "rows": [{k: cell(v) or "(none)" for k, v in row.items()} for row in rows[: detail.rows]],
        "more_rows": max(len(rows) - detail.rows, 0),
        "values": values[: detail.rows],
        "more_values": max(len(values) - detail.rows, 0),
        "app": code(plan.app),
        "commits": [f"{code(c.id[:7])} {code(c.subject, 120)} {code(c.author, 60)}" for c in shown_commits],
        "more_commits": len(plan.commits) - len(shown_commits),
        "backwards": plan.backwards,
        "unlike": _unlike(plan.groups),
        "groups": [_group(group, len(clusters), detail) for group in shown],
        "more_groups": len(changing) - len(shown),
        "unchanged": _names(plan.groups[-1]) if plan.groups and plan.groups[-1].changes.empty else "",
        "risks": [f"{code(risk)}: {_list(refs, 4)}" for risk, refs in risks(plan.groups)[: detail.rows]],
        "more_risks": max(len(risks(plan.groups)) - detail.rows, 0),
        "warnings": [code(text, 300) for text in plan.warnings[: detail.rows]],
        "more_warnings": max(len(plan.warnings) - detail.rows, 0),
        "gates": [
            {
                "mark": "x" if g.verdict is Verdict.PASSED else " ",
                "name": code(g.name),
                "reason": code(g.reason, 300),
                "overridden_by": code(g.override.by) if g.override else "",
                "because": code(g.override.reason, 300) if g.override else "",
            }
            for g in plan.gates[:20]
        ],
        "approvals": plan.approvals_wanted,
        "environment": code(plan.environment),
        "cluster_count": _count(len(clusters), "cluster"),
        "clusters": _list([target.cluster for target in clusters], 12),
        "objects": _count(len({str(c.ref) for g in plan.groups for c in g.changes.objects}), "object"),
        "pin": code(plan.pin_path),
        "lasting": [code(text, 300) for text in cannot_be_undone(plan.groups)[: detail.rows]],
        "first": plan.before is None,
        "rollback": plan.kind is PromotionKind.ROLLBACK,
        "command_app": plan.app,
        "command_environment": plan.environment,
        "next_environments": list(plan.next_environments[:10]),
        "left_out": detail.left_out,
        "digest": plan.digest,
    }


def train_context(plans: Sequence[PromotionPlan], detail: Detail, *, details: bool = True) -> dict[str, Any]:
    """Return what the template of a train's body sees: a row for each app and, with ``details``, what changes."""
    first = plans[0]
    rows = plans[: max(detail.rows, 100)]
    return {
        "count": "1 app moves" if len(plans) == 1 else f"{len(plans)} apps move",
        "source": f"from {code(first.source or '')}",
        "environment": code(first.environment),
        "rows": [
            {
                "app": cell(plan.app),
                "before": cell(plan.before.short if plan.before else "") or "(none)",
                "after": cell(plan.after.short),
                "gates": "all passed" if all(g.passes for g in plan.gates) else "see below",
            }
            for plan in rows
        ],
        "more_rows": len(plans) - len(rows),
        "apps": [context(plan, detail) for plan in plans] if details else [],
        "approvals": any(plan.approvals_wanted for plan in plans),
        "command_environment": first.environment,
        "left_out": detail.left_out if details else "What changes is left out",
    }


def code(text: str, limit: int = 200) -> str:
    """Return a foreign text as a code span: one line, cut to so many bytes, and nothing in it means anything."""
    line = re.sub(r"`{4,}", "```", one_line(_bytes_cut(text, limit), limit)) or " "
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def cell(text: str) -> str:
    """Return a foreign text as a code span inside a table; empty stays empty."""
    return code(text).replace("|", "\\|") if text else ""


def value_text(value: Any) -> str:
    """Return a value as one short line of JSON; plain words stand without quotes."""
    if isinstance(value, str) and value and not any(c.isspace() or c == '"' for c in value):
        return one_line(_bytes_cut(value, 200))
    return one_line(_bytes_cut(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str), 200))


def block(lines: Sequence[str]) -> str:
    """Return lines as a code block that none of them can end."""
    safe = [re.sub(r"`{4,}", "```", line) for line in lines]
    fence = "````" if any("```" in line for line in safe) else "```"
    return "\n".join([f"{fence}diff", *safe, fence])


def _headline(plan: PromotionPlan) -> str:
    now = f"{code(plan.before.version)} becomes {code(plan.after.version)}" if plan.before else ""
    first = f"{code(plan.after.version)} is the first release there"
    if plan.kind is PromotionKind.ROLLBACK:
        distance = f" {plan.distance[:1].upper()}{plan.distance[1:]}." if plan.distance else ""
        return f"Takes {code(plan.app)} in {code(plan.environment)} back: {now or first}.{distance}"
    origin = f", as it is in {code(plan.source)}" if plan.source else ""
    return f"{code(plan.app)} in {code(plan.environment)}: {now or first}{origin}."


def _rows(plan: PromotionPlan) -> list[dict[str, str]]:
    """Return what moves, as rows of a table: name, before, after."""
    before, after = plan.before, plan.after
    rows = [{"name": "version", "before": before.version if before else "", "after": after.version}]
    rows.append({"name": "revision", "before": before.revision[:12] if before else "", "after": after.revision[:12]})
    old = before.images if before else {}
    rows += [
        {
            "name": f"image {change['name']}",
            "before": old.get(change["name"], ""),
            "after": after.images.get(change["name"], ""),
        }
        for change in changes_of(old, after.images)
    ]
    return rows


def _values(plan: PromotionPlan) -> list[dict[str, str]]:
    """Return what becomes of the values of the release, as rows of a table."""
    return [
        {
            "name": cell(row["name"]),
            "before": cell(_value_text(row["before"])) or "(none)",
            "after": cell(_value_text(row["after"])) or "(none)",
            "what": row["what"],
            "who": cell(row["who"]),
        }
        for row in value_rows(plan)
    ]


def _value_text(value: Any) -> str:
    return "" if value is None else value_text(value)


def _unlike(groups: Sequence[TargetGroup]) -> str:
    """Return in how far the clusters change alike: `37 of 40 clusters identical, 3 differ`."""
    total = sum(len(group.targets) for group in groups)
    if total == 0:
        return "No cluster is in this environment."
    most = max(len(group.targets) for group in groups)
    rest = f", {total - most} {'differs' if total - most == 1 else 'differ'}" if most < total else ""
    return f"{most} of {_count(total, 'cluster')} identical{rest}"


def _group(group: TargetGroup, total: int, detail: Detail) -> dict[str, Any]:
    shown = group.changes.objects[: detail.objects]
    lines = [line for change in shown for line in _object_lines(change, detail.fields)]
    return {
        "names": _names(group),
        "share": f"{len(group.targets)} of {total}",
        "summary": summary(group.changes),
        "block": block(lines) if lines else "",
        "more_objects": len(group.changes.objects) - len(shown),
    }


def _object_lines(change: ObjectChange, fields: int) -> list[str]:
    risk = f"  ({', '.join(change.risks)})" if change.risks else ""
    lines = [one_line(f"{_SIGN[change.kind]} {change.ref}{risk}", 300)]
    for field in change.fields[:fields]:
        lines += _field_lines(field)
    if 0 < fields < len(change.fields):
        lines.append(f"    and {len(change.fields) - fields} more fields")
    return lines


def _field_lines(field: FieldChange) -> list[str]:
    path = one_line(field.path, 200)
    if field.old == MASK or field.new == MASK:
        return [f"!   {path}: {MASK} {field.kind.value}"]
    lines = []
    if field.kind is not ChangeKind.ADDED:
        lines.append(f"-   {path}: {value_text(field.old)}")
    if field.kind is not ChangeKind.REMOVED:
        lines.append(f"+   {path}: {value_text(field.new)}")
    return lines


def _names(group: TargetGroup) -> str:
    return _list([target.cluster for target in group.targets], 12)


def _list(names: Sequence[str], limit: int) -> str:
    shown = ", ".join(code(name, 120) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bytes_cut(text: str, limit: int) -> str:
    """Return a text of at most so many bytes of UTF-8, at the border of a character."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode("utf-8")
    return data[: limit - 3].decode("utf-8", "ignore") + "…"
