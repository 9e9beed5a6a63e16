"""What a commit message says: the facts that a template may use, and the message put together with its trailers.

The template decides about the words; the trailers are always appended by code, so that history can be rebuilt
whatever the template says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fleet.engine.lines import one_line
from fleet.engine.plan_promotion import risks
from fleet.engine.redact import mask_setting
from fleet.engine.trailers import build, of_plan
from fleet.model.change import ChangeKind, ChangeSet
from fleet.model.promotion import PromotionPlan, Setting, TargetGroup, ValueDecision, ValueMove
from fleet.model.release import Release

SUBJECT_LIMIT = 200
"""Characters of the first line; GitHub refuses titles of more than 256."""
MESSAGE_LIMIT = 32_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_COMMITS = 20


def context(plan: PromotionPlan) -> dict[str, Any]:
    """Return what the template of a commit message sees; plain data, every text one line."""
    return {
        "title": plan.title,
        "kind": plan.kind.value,
        "app": plan.app,
        "source": plan.source,
        "environment": plan.environment,
        "before": _release(plan.before),
        "after": _release(plan.after),
        "images": changes_of(plan.before.images if plan.before else {}, plan.after.images),
        "values": value_rows(plan),
        "commits": [
            {"id": c.id, "short": c.id[:7], "subject": one_line(c.subject, 100), "author": one_line(c.author, 100)}
            for c in plan.commits[:_COMMITS]
        ],
        "more_commits": max(len(plan.commits) - _COMMITS, 0),
        "backwards": plan.backwards,
        "groups": [
            {"clusters": clusters_text(group), "summary": summary(group.changes) or "no change"}
            for group in plan.groups[:_COMMITS]
        ],
        "clusters": sum(len(group.targets) for group in plan.groups),
        "risks": [{"risk": risk, "objects": list(refs)} for risk, refs in risks(plan.groups)],
        "gates": [
            {"name": g.name, "verdict": g.verdict.value, "reason": one_line(g.reason), "holds": g.holds}
            for g in plan.gates
        ],
        "warnings": [one_line(text) for text in plan.warnings],
        "digest": plan.digest,
    }


def assemble(text: str, plan: PromotionPlan) -> str:
    """Return the message: what the template gave, cleaned, and the trailers below it.

    Raises:
        ValueError: the template gave no text.
    """
    lines = [_CONTROL.sub("", line).rstrip() for line in text.replace("\r\n", "\n").strip().split("\n")]
    if not lines[0]:
        raise ValueError("the message is empty")
    subject, body = one_line(lines[0], SUBJECT_LIMIT), "\n".join(lines[1:]).strip("\n")
    body = re.sub(r"\n{3,}", "\n\n", body)
    if len(body) > MESSAGE_LIMIT:
        body = body[:MESSAGE_LIMIT].rpartition("\n")[0] + "\n…"
    return "\n\n".join(part for part in (subject, body, build(of_plan(plan))) if part)


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each name whose value differs, with both; None where it is not set."""
    return [
        {"name": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name) or (name in before) != (name in after)
    ]


def value_rows(plan: PromotionPlan) -> list[dict[str, Any]]:
    """Return what becomes of each value of the release that differs, without secrets: name, before, after, what, who.

    `before` and `after` are None where it is not set, `what` says why (`moved`, `kept`, …), `who` where it comes from.
    """
    if plan.values:
        return [_value_row(move) for move in plan.values]
    changed = changes_of(plan.before.values if plan.before else {}, plan.after.values)
    return [
        row
        | {side: mask_setting(row["name"], row[side]) for side in ("before", "after")}
        | {"what": "moved", "who": ""}
        for row in changed
    ]


def origin_text(setting: Setting | None) -> str:
    """Return who set a value and where it came from: `Ada, 4f1c2e0 in dev`; empty if that is not known."""
    if setting is None or not setting.commit:
        return ""
    who = re.sub(r"\s*<[^>]*>$", "", setting.author)
    where = f" in {setting.environment}" if setting.environment else ""
    return one_line(f"{who}, {setting.commit[:7]}{where}" if who else f"{setting.commit[:7]}{where}", 100)


def _value_row(move: ValueMove) -> dict[str, Any]:
    becomes = move.becomes
    taken = f" (--take {move.taken.value})" if move.taken is not None else ""
    from_there = move.decision in (ValueDecision.MOVED, ValueDecision.LEFT)
    return {
        "name": move.path,
        "before": move.ours.value if move.ours is not None else None,
        "after": becomes.value if becomes is not None else None,
        "what": f"{move.decision.value}{taken}",
        "who": origin_text(move.theirs if from_there else move.ours),
    }


def summary(changes: ChangeSet) -> str:
    """Return how many objects change, by kind: `1 added, 2 changed`; empty for none."""
    return ", ".join(f"{number} {kind.value}" for kind in ChangeKind if (number := changes.count(kind)))


def clusters_text(group: TargetGroup, limit: int = 10) -> str:
    """Return the clusters of a group as one line."""
    names: Sequence[str] = [target.cluster for target in group.targets]
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def _release(release: Release | None) -> dict[str, Any] | None:
    if release is None:
        return None
    return {
        "version": release.version,
        "revision": release.revision,
        "short": release.short,
        "images": dict(release.images),
        "values": {path: mask_setting(path, value) for path, value in release.values.items()},
    }
