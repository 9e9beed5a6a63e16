"""Scenarios of policy tests as cases for the gates, made of what they say and of the fleet's files only.

Releases are made up, so that a scenario says the same whatever is pinned: a promotion must not break the tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.engine.gates.case import Case
from fleet.engine.pipeline import upstream
from fleet.engine.scenario_sights import observations
from fleet.model.declared import AppSpec
from fleet.model.fleet import Environment, Fleet
from fleet.model.gate import Override
from fleet.model.moments import resolve
from fleet.model.observation import Observations
from fleet.model.policy_test import (
    SOMEBODY,
    ExpectSpec,
    FactsGiven,
    GivenSpec,
    HistoryGiven,
    ReleaseGiven,
    ScenarioSpec,
)
from fleet.model.promotion import HistoryEntry, PromotionKind, ValueDecision, ValueMove
from fleet.model.release import Pin, Release

_OLD, _NEW = ReleaseGiven(version="1.0.0"), ReleaseGiven(version="1.1.0")
_BY_NAME = ("health", "versions", "probes")
"""What a step changes by entry; all else it replaces."""

Keys = tuple[str | int, ...]
"""Where something stands in a file: keys, and numbers of items from 0."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a scenario: what is so by then, and what is expected."""

    name: str
    now: datetime
    given: GivenSpec
    expect: ExpectSpec
    keys: Keys
    """Where the expectation stands in its scenario."""


def moments(scenario: ScenarioSpec) -> Iterator[Moment]:
    """Yield the moments of a scenario; each starts with what was changed in those before."""
    given = scenario.given
    start = now = resolve(given.at)
    if scenario.expect is not None:
        yield Moment("", now, given, scenario.expect, ("expect",))
    for number, step in enumerate(scenario.steps):
        given = _changed(given, step.given)
        now = resolve(step.at, start) if step.at is not None else now
        yield Moment(step.name, now, given, step.expect, ("steps", number, "expect"))


def _changed(given: GivenSpec, changes: FactsGiven) -> GivenSpec:
    update = {name: getattr(changes, name) for name in changes.model_fields_set}
    for name in _BY_NAME:
        if name in update:
            update[name] = {**getattr(given, name), **update[name]}
    if "releases" in update:
        both = {*given.releases, *changes.releases}
        update["releases"] = {e: {**given.releases.get(e, {}), **changes.releases.get(e, {})} for e in both}
    return given.model_copy(update=update)


def kind_of(given: GivenSpec, fleet: Fleet) -> PromotionKind:
    """Return what a scenario is about, if it does not say so."""
    if given.kind is not None:
        return PromotionKind(given.kind)
    before = fleet.environments[given.to].spec.promotes_from
    if given.source is not None and given.source != before and given.source in upstream(fleet, given.to):
        return PromotionKind.HOTFIX
    return PromotionKind.RELEASE if before is None else PromotionKind.PROMOTION


def source_of(given: GivenSpec, fleet: Fleet) -> str | None:
    """Return where the release comes from; None for a release and a rollback."""
    if not kind_of(given, fleet).moves_on:
        return None
    return given.source or fleet.environments[given.to].spec.promotes_from


def case_of(moment: Moment, fleet: Fleet) -> Case:
    """Return the case that a moment puts before the gates. What it names has to be in the fleet."""
    given = moment.given
    told = _Told(given, fleet)
    case = Case(
        fleet=told.fleet_then(),
        kind=told.kind,
        app=given.app,
        environment=given.to,
        source=told.source,
        before=told.before,
        after=told.after,
        observed=Observations(at=moment.now),
        now=moment.now,
        history=told.history(),
        specs=told.specs(),
        specs_before=told.spec_before(),
        specs_past=told.specs_past(),
        overrides=tuple(Override(gate=o.gate, by=o.by, reason=o.reason) for o in given.overrides),
        values=tuple(ValueMove(path=path, decision=ValueDecision.CONFLICT) for path in given.conflicts),
        undoes=told.before.short if given.undoes_hotfix and told.before is not None else "",
        direct=told.kind is PromotionKind.RELEASE and fleet.environments[given.to].spec.policy.releases == "direct",
    )
    objects = {target: given.objects for target in case.targets(given.to)} if given.objects else {}
    return replace(case, objects=objects, observed=observations(given, case))


class _Told:
    """What a scenario says of releases."""

    def __init__(self, given: GivenSpec, fleet: Fleet) -> None:
        self.given = given
        self.fleet = fleet
        self.kind = kind_of(given, fleet)
        self.source = source_of(given, fleet)
        back = self.kind is PromotionKind.ROLLBACK
        self._before = given.before or (_NEW if back else _OLD)
        self._after = given.after or (_OLD if back else _NEW)
        self.before = None if given.first else made_up(given.app, self._before)
        self.after = made_up(given.app, self._after)

    def fleet_then(self) -> Fleet:
        """Return the fleet with the releases of the scenario pinned."""
        environments = {name: replace(e, pins=self._pins(e)) for name, e in self.fleet.environments.items()}
        return replace(self.fleet, environments=environments)

    def _pins(self, environment: Environment) -> dict[str, Pin]:
        pins = {app: pin for app, pin in environment.pins.items() if app != self.given.app}
        releases = {a: made_up(a, r) for a, r in self.given.releases.get(environment.name, {}).items()}
        if environment.name == self.source:
            releases[self.given.app] = self.after
        if environment.name == self.given.to and self.before is not None:
            releases[self.given.app] = self.before
        for app, release in releases.items():
            pins[app] = environment.pins.get(app, Pin()).model_copy(update={"release": release})
        return pins

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return what happened before, newest first."""
        start = resolve(self.given.at)
        entries = [self._entry(number, entry, start) for number, entry in enumerate(self.given.history)]
        return tuple(sorted(entries, key=lambda entry: entry.time, reverse=True))

    def _entry(self, number: int, told: HistoryGiven, start: datetime) -> HistoryEntry:
        commit = _commit(f"history {number}")
        return HistoryEntry(
            id=commit[:12],
            commit=commit,
            kind=PromotionKind(told.kind),
            app=self.given.app,
            environment=told.environment or self.given.to,
            after=self._known(told.release),
            author=SOMEBODY,
            time=resolve(told.at, start),
        )

    def _known(self, told: ReleaseGiven) -> Release:
        """Return a release of the history; with what the scenario says of it elsewhere."""
        release = made_up(self.given.app, told)
        if release.images or release.values:
            return release
        others = (self.after, self.before)
        same = (r for r in others if r is not None and (r.version, r.revision) == (release.version, release.revision))
        return next(same, release)

    def specs(self) -> dict[tuple[str, str], AppSpec]:
        """Return what the releases declare that meet in the environment, and those of its source."""
        specs: dict[tuple[str, str], AppSpec] = {}
        for name in (name for name in (self.given.to, self.source) if name is not None):
            for app, pin in self._pins(self.fleet.environments[name]).items():
                if app in self.fleet.apps and (pin.release is not None or self.fleet.environments[name].spec.track):
                    specs[name, app] = self._spec(app, self.given.releases.get(name, {}).get(app))
        if self.source is not None:
            specs[self.source, self.given.app] = self._spec(self.given.app, self._after)
        return {**specs, (self.given.to, self.given.app): self._spec(self.given.app, self._after)}

    def spec_before(self) -> AppSpec | None:
        """Return what the present release declares."""
        return self._spec(self.given.app, self._before) if self.before is not None else None

    def specs_past(self) -> dict[str, AppSpec]:
        """Return what earlier releases of the environment declared."""
        past = {}
        for told in self.given.history:
            if told.environment in (None, self.given.to):
                past[made_up(self.given.app, told.release).revision] = self._spec(self.given.app, told.release)
        return past

    def _spec(self, app: str, told: ReleaseGiven | None) -> AppSpec:
        said = {n: getattr(told, n) for n in ("provides", "requires", "depends_on")} if told is not None else {}
        return self.fleet.apps[app].model_copy(update={n: value for n, value in said.items() if value is not None})


def made_up(app: str, told: ReleaseGiven) -> Release:
    """Return a release as a scenario tells it; the same version of an app always has the same made-up commit."""
    return Release(
        version=told.version,
        revision=told.revision or _commit(f"{app} {told.version}"),
        images=told.images,
        values=told.values,
    )


def _commit(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
