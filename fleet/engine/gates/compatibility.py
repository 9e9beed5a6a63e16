"""Compatibility: a release fits the other releases of its environment, in both directions, and its database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleet.engine.compatibility import (
    Conflict,
    SchemaFault,
    Side,
    conflicts,
    interfaces,
    later,
    schema_faults,
    works_with,
)
from fleet.engine.gates.case import OPEN, Case
from fleet.engine.gates.sides import side_after, side_before, sides
from fleet.engine.ranges import satisfies
from fleet.engine.versions import older
from fleet.model.declared import AppSpec
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import PromotionKind

_SHOWN = 3
"""How many conflicts a reason names."""


def judge(case: Case) -> Iterator[GateResult]:
    """Yield whether the release, the others of the environment and the database fit together.

    A promotion is held by what it would break, not by what does not fit already.
    """
    name = f"compatibility({case.environment})"
    unread = [f"`{app}` in `{env}`: {why}" for (env, app), why in case.unread.items() if env == case.environment]
    if unread:
        yield GateResult(
            name=name, verdict=Verdict.PENDING, reason=f"cannot be judged: {'; '.join(unread[:_SHOWN])}", holds=OPEN
        )
        return
    after = side_after(case)
    if after is None:
        return
    others = sides(case, case.environment, without=case.app)
    if not any(interfaces(side.spec) for side in (after, *others.values())):
        return
    yield from _judged(name, case, after, others)


def _judged(name: str, case: Case, after: Side, others: Mapping[str, Side]) -> Iterator[GateResult]:
    before = side_before(case)
    reached = schemas_reached(case)
    faults = schema_faults(before, after, reached)
    now, then = _schemas(reached, before), _schemas(reached, before, after)
    broken = brought(before, after, others, now, then)
    if not faults and not broken:
        fits = _fits(case, after, others)
        if fits:
            yield GateResult(name=name, verdict=Verdict.PASSED, reason=fits, holds=OPEN)
        return
    texts = [*(_fault_text(case, fault) for fault in faults), *(c.text(case.environment) for c in broken)]
    reason = "; ".join(texts[:_SHOWN]) + (f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")
    way = _way_out(case, before, after, others, faults, broken, then)
    verdict = Verdict.PENDING if way.other_apps else Verdict.FAILED
    yield GateResult(name=name, verdict=verdict, reason=reason, holds=OPEN, hint=way.hint, clears=way.clears)


def brought(
    before: Side | None,
    after: Side,
    others: Mapping[str, Side],
    now: Mapping[str, str] | None = None,
    then: Mapping[str, str] | None = None,
) -> tuple[Conflict, ...]:
    """Return the conflicts that a release brings into an environment: those that are not there without it.

    Args:
        before: what it takes the place of.
        after: the release.
        others: releases of the other apps.
        now: version of each schema of the app as it is.
        then: the same once the release is there.
    """
    present = conflicts([*others.values(), *([before] if before is not None else [])], now)
    known = {conflict.key for conflict in present}
    found = conflicts([*others.values(), after], then)
    # A consumer that finds nothing today, and the wrong version tomorrow, is no worse off.
    return tuple(c for c in found if c.key not in known)


def schemas_reached(case: Case) -> dict[str, str]:
    """Return the version that each schema of the app has in the environment: the latest that any release brought."""
    reached: dict[str, str] = {}
    specs = [*case.specs_past.values(), *([case.specs_before] if case.specs_before is not None else [])]
    for spec in specs:
        for schema, version in spec.provides.schemas.items():
            reached[schema] = later(version, reached.get(schema))
    return reached


def _schemas(reached: Mapping[str, str], *sides: Side | None) -> dict[str, str]:
    """Return the version that each schema has once these releases have run their migrations."""
    found = dict(reached)
    for side in sides:
        for schema, version in side.spec.provides.schemas.items() if side is not None else ():
            found[schema] = later(version, found.get(schema))
    return found


def _fits(case: Case, after: Side, others: Mapping[str, Side]) -> str:
    """Return what holds of it, as a sentence; empty if nobody needs anything of anybody."""
    own = after.spec.provides.schemas
    requires = len(after.spec.requires.apis) + len(set(after.spec.requires.schemas) - set(own))
    provides = {*after.spec.provides.apis, *own}
    users = [s.app for s in others.values() if provides & {*s.spec.requires.apis, *s.spec.requires.schemas}]
    texts = []
    if requires:
        what = f"the {requires} interfaces that it requires are" if requires > 1 else "what it requires is"
        texts.append(f"{what} provided in `{case.environment}`")
    if users:
        texts.append(f"it provides what {_listed(users)} require{'s' if len(users) == 1 else ''}")
    if own:
        texts.append(f"it works with the schema {_listed(sorted(own))} as it is and as it will be")
    return ", and ".join(texts)


def _fault_text(case: Case, fault: SchemaFault) -> str:
    what = f"{fault.side.text} works with the schema `{fault.schema}` `{fault.works_with}`"
    if fault.past:
        undone = "; a rollback does not undo a migration" if case.kind is PromotionKind.ROLLBACK else ""
        return f"{what}, and `{case.environment}` has it at {fault.version}{undone}"
    if fault.side.app == case.app and fault.side.version == case.after.version:
        return f"{what}, but migrates it to {fault.version} itself"
    return f"{what}, and would still run while {case.after.version} has migrated it to {fault.version}"


@dataclass(frozen=True)
class _Way:
    """What would make it fit."""

    hint: str | None = None
    clears: str | None = None
    other_apps: bool = False
    """Whether releases that are there already would make it fit, if they were promoted."""


def _way_out(
    case: Case,
    before: Side | None,
    after: Side,
    others: Mapping[str, Side],
    faults: Sequence[SchemaFault],
    broken: Sequence[Conflict],
    reached: Mapping[str, str],
) -> _Way:
    if faults:
        return (
            _Way(_earlier_release(case, reached)) if case.kind is PromotionKind.ROLLBACK else _Way(_step(case, faults))
        )
    if case.source is None:
        return _Way(f"fleet status -e {case.environment}")
    return _by_other_apps(case, before, after, others, broken, reached)


def _by_other_apps(
    case: Case,
    before: Side | None,
    after: Side,
    others: Mapping[str, Side],
    broken: Sequence[Conflict],
    reached: Mapping[str, str],
) -> _Way:
    """Return the promotion of other apps that makes it fit, if their releases in the source environment do."""
    assert case.source is not None  # noqa: S101
    waiting = sides(case, case.source, without=case.app)
    moving = _needed(after, others, waiting, broken, reached)
    if moving is None:
        names = dict.fromkeys(app for c in broken for app in (c.consumer.app, _provider(c, waiting)) if app)
        missing = [app for app in names if app != case.app]
        return _Way(f"fleet status -e {case.source}{''.join(f' -a {app}' for app in missing[:_SHOWN])}")
    apps = " ".join(sorted(moving))
    first = {**others, **{app: waiting[app] for app in moving}}
    without_us = [*first.values(), *([before] if before is not None else [])]
    now = {c.key for c in conflicts([*others.values(), *([before] if before is not None else [])], reached)}
    if all(c.key in now for c in conflicts(without_us, reached)):
        return _Way(f"fleet promote {apps} --to {case.environment}", f"promotion of {_listed(sorted(moving))}", True)
    # Neither can go first: each needs the other one to be there.
    together = f"fleet promote --all --from {case.source} --to {case.environment}"
    return _Way(together, f"promotion together with {_listed(sorted(moving))}", True)


def _needed(
    after: Side,
    others: Mapping[str, Side],
    waiting: Mapping[str, Side],
    broken: Sequence[Conflict],
    reached: Mapping[str, str],
) -> set[str] | None:
    """Return the apps that have to move to their release in the source environment; None if that does not help."""
    moving: set[str] = set()
    wrong: Sequence[Conflict] = broken
    while wrong:
        more = {app for c in wrong for app in (c.consumer.app, _provider(c, waiting)) if app and app != after.app}
        more = {app for app in more if app in waiting and app not in moving and _differs(waiting[app], others.get(app))}
        if not more:
            return None
        moving |= more
        there = {**others, **{app: waiting[app] for app in moving}}
        concerned = {c.key for c in broken} | {(app, kind, name) for app in moving for kind, name in _wants(there[app])}
        wrong = [c for c in conflicts([*there.values(), after], reached) if c.key in concerned]
    return _least(moving, after, others, waiting, broken, reached)


def _least(
    moving: set[str],
    after: Side,
    others: Mapping[str, Side],
    waiting: Mapping[str, Side],
    broken: Sequence[Conflict],
    reached: Mapping[str, str],
) -> set[str]:
    """Leave out the apps that need not move."""
    for app in sorted(moving):
        fewer = moving - {app}
        there = {**others, **{name: waiting[name] for name in fewer}}
        concerned = {c.key for c in broken} | {(name, kind, api) for name in fewer for kind, api in _wants(there[name])}
        if not any(c.key in concerned for c in conflicts([*there.values(), after], reached)):
            moving = fewer
    return moving


def _wants(side: Side) -> Iterable[tuple[str, str]]:
    yield from (("API", name) for name in side.spec.requires.apis)
    yield from (("schema", name) for name in side.spec.requires.schemas)


def _provider(conflict: Conflict, waiting: Mapping[str, Side]) -> str | None:
    """Return the app that provides what is missing, now or as it waits in the source environment."""
    if conflict.provider is not None:
        return conflict.provider.app
    for app, side in waiting.items():
        offered = side.spec.provides.apis if conflict.kind == "API" else side.spec.provides.schemas
        if conflict.name in offered:
            return app
    return None


def _differs(waiting: Side, there: Side | None) -> bool:
    return there is None or (waiting.version, waiting.spec) != (there.version, there.spec)


def _earlier_release(case: Case, reached: Mapping[str, str]) -> str | None:
    """Return the rollback to the newest earlier release that works with the database as it is."""
    for entry in case.history:
        release = entry.after
        if entry.environment != case.environment or release is None or case.before is None:
            continue
        if not older(release.version, case.before.version) or release == case.after:
            continue  # what ran after it was left behind for a reason
        spec = case.specs_past.get(release.revision)
        if spec is not None and _works(spec, reached):
            return f"fleet rollback {case.app} --env {case.environment} --to {release.version}"
    return f"go forward instead: mend it in a new release, and promote that: `fleet release {case.app}`"


def _works(spec: AppSpec, reached: Mapping[str, str]) -> bool:
    ranges = {schema: works_with(spec, schema) for schema in reached}
    return all(wanted is None or satisfies(reached[schema], wanted) for schema, wanted in ranges.items())


def _step(case: Case, faults: Sequence[SchemaFault]) -> str:
    """Return what to release so that old and new can run side by side."""
    fault = faults[0]
    if fault.past:
        return f"promote a release in between, that works with {fault.version} and with its own version of the schema"
    if fault.side.version == case.after.version and fault.side.app == case.app:
        return f"correct `requires.schemas.{fault.schema}` in apps/{case.app}/app.yaml, and release again"
    return (
        f"first promote a release whose `requires.schemas.{fault.schema}` includes {fault.version} (expand); then the "
        "one that needs it (contract)"
    )


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
