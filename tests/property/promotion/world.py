"""A small world that promotions happen in, in memory: pins, what clusters run, pull requests, restrictions, a ledger.

Everything is decided by the engine. What has to be true is worked out a second time from the clusters alone, in plain
words (`well`, `soaked`), so that the engine is not its own judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from fleet.adapters.config.pins import YamlPinEditor
from fleet.engine.gates.case import Case
from fleet.engine.gates.registry import decide
from fleet.engine.history import Landing, entry_of
from fleet.engine.ledger import START, chain, key_of, line_of, parse
from fleet.engine.merging import Takes, merge_values
from fleet.engine.message import assemble
from fleet.engine.plan_promotion import Facts, pin_path, plan_promotion
from fleet.model.fleet import Fleet
from fleet.model.gate import Override
from fleet.model.health import HealthStatus
from fleet.model.ledger import Decision, EntryKind, LedgerDraft
from fleet.model.names import Target
from fleet.model.observation import Observations, TargetObservation
from fleet.model.promotion import HistoryEntry, PromotionKind, PromotionPlan
from fleet.model.release import Release
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions
from fleet.operations.common.recording import decision_of
from tests.unit.promotion.cases import ADA, CLUSTERS, NOW, fleet

EDITOR = YamlPinEditor()
APPS = ("api", "web")
BEFORE = {"staging": "dev", "prod": "staging"}
FREEZE = (NOW + timedelta(hours=1), NOW + timedelta(hours=3))
FROZEN = {"name": "event", "kind": "freeze", "starts": "2026-03-04T13:00", "duration": "2h"}


@dataclass
class Running:
    """One app on one cluster."""

    release: Release | None = None
    since: datetime = NOW
    """Since when it is there and well."""
    ill: bool = False


@dataclass
class Request:
    """An open pull request."""

    number: int
    plan: PromotionPlan
    case: Case
    author: str
    approvals: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Landed:
    """How the present release came to its place, and what was true at that moment."""

    plan: PromotionPlan
    well: bool
    """Whether exactly this release was healthy on every cluster where it came from."""
    soaked: bool
    wanted: frozenset[str]
    """Kinds of gates that had to hold it, by the world's own account."""


class World:
    """One fleet of two apps, with the policies that it was made with."""

    def __init__(self, policies: Mapping[str, Mapping[str, Any]]) -> None:
        self.policies = policies
        self.now = NOW
        self.files: dict[tuple[str, str], bytes] = {}
        self.written: dict[str, bytes] = {}
        """Pin files by the commit that wrote them."""
        self.entries: list[HistoryEntry] = []
        """Newest first."""
        self.running = {(e, c, a): Running() for e, clusters in CLUSTERS.items() for c in clusters for a in APPS}
        self.requests: dict[str, Request] = {}
        """Open pull requests by branch, as in a forge: a branch has one at most."""
        self.restrictions = Restrictions()
        self.landed: dict[tuple[str, str], Landed] = {}
        self.records: list[tuple[str, Case]] = []
        """Lines of the ledger, each with the case that was decided."""
        self.opened = 0
        for number, app in enumerate(APPS):
            first = Release(version="1.0.0", revision=f"{number + 1:040x}", values={"level": 0})
            for environment in CLUSTERS:
                text = f"# {app} in {environment}\nrelease: # ours\n  version: 1.0.0 # first\n"
                text += f"  revision: '{first.revision}'\n"
                text += "  values: {level: 0}   # flow\nvalues:\n  own:   [1,  2] # spaces\n"
                self.files[environment, app] = text.encode()
                self._write(environment, app, None, text.encode(), "Start")
                for cluster in CLUSTERS[environment]:
                    self.running[environment, cluster, app] = Running(first, self.now)

    # ── what there is ──

    @property
    def fleet(self) -> Fleet:
        pins = {(e, a): self.pin(e, a) for e in CLUSTERS for a in APPS}
        apps = {a: {"promotable": ["level", "mode"]} for a in APPS}
        made = fleet(self.policies, file=self.roles, apps=apps)
        for environment, place in made.environments.items():
            for app, pin in list(place.pins.items()):
                changed = pin.model_copy(update={"release": pins[environment, app]})
                place.pins[app] = changed  # type: ignore[index]  # a dictionary in truth
        return made

    @cached_property
    def roles(self) -> dict[str, Any]:
        return {"roles": {"ops": [ADA]}}

    def pin(self, environment: str, app: str) -> Release:
        found = EDITOR.read(self.files[environment, app], pin_path(environment, app))
        assert found is not None
        return found

    def history(self, app: str) -> tuple[HistoryEntry, ...]:
        return tuple(entry for entry in self.entries if entry.app == app)

    def well(self, environment: str, app: str, release: Release) -> bool:
        """Say whether every cluster runs exactly this release, and is well."""
        there = [self.running[environment, cluster, app] for cluster in CLUSTERS[environment]]
        return all(one.release == release and not one.ill for one in there)

    def soaked(self, environment: str, app: str, release: Release) -> bool:
        """Say whether the release was well there without a break for as long as the policy asks."""
        needed = timedelta(minutes=int(str(self.policies[environment].get("soak", "0m"))[:-1]))
        if not needed:
            return True
        if not self.well(environment, app, release):
            return False
        arrived = next(e.time for e in self.entries if (e.environment, e.app) == (environment, app))
        since = max(self.running[environment, c, app].since for c in CLUSTERS[environment])
        return self.now - max(since, arrived) >= needed

    def hindered(self, plan: PromotionPlan) -> frozenset[str]:
        """Return the kinds of gates that have to hold a promotion now, told from the world alone."""
        found = set()
        known, back = self.restrictions, plan.kind is PromotionKind.ROLLBACK
        if any(_locks(lock, plan, self.now) for lock in known.locks):
            found.add("lock")
        if not back and any((h.app, h.environment) == (plan.app, plan.environment) for h in known.holds):
            found.add("hold")
        if any((r.app, r.revision) == (plan.app, plan.after.revision) for r in known.rejections):
            found.add("rejected")
        if not back and self.policies[plan.environment].get("windows") and FREEZE[0] <= self.now < FREEZE[1]:
            found.add("window")
        if plan.source is not None and not self.well(plan.source, plan.app, plan.proven):
            found.add("health")
        if plan.source is not None and not self.soaked(plan.source, plan.app, plan.proven):
            found.add("soak")
        return frozenset(found)

    def seen(self, app: str, environment: str, release: Release) -> list[TargetObservation]:
        """Return what looking at an app in an environment for one release tells."""
        found = []
        for cluster in CLUSTERS[environment]:
            one = self.running[environment, cluster, app]
            exact = one.release == release
            status = HealthStatus.FAILED if one.ill else HealthStatus.HEALTHY
            since = one.since if exact and not one.ill else None
            target = Target(app, environment, cluster)
            found.append(TargetObservation(target=target, release=release, status=status, exact=exact, since=since))
        return found

    # ── deciding ──

    def case(self, kind: PromotionKind, app: str, to: str, after: Release, **more: Any) -> Case:
        before, source = self.pin(to, app), more.get("source")
        targets = self.seen(app, to, before)
        if source is not None:
            targets += self.seen(app, source, more.get("source_release") or after)
        observed = Observations(at=self.now, targets=tuple(targets), restrictions=self.restrictions)
        given = {"now": self.now, "before": before, "history": self.history(app), **more}
        return Case(self.fleet, kind, app, to, after, observed, **given)

    def promotion(self, app: str, to: str, overrides: tuple[Override, ...], takes: Takes) -> Case:
        """Return the promotion of what the environment before has, with the values merged."""
        source = BEFORE[to]
        theirs, ours = self.pin(source, app), self.pin(to, app)
        moved = next((e.after for e in self.entries if (e.environment, e.app) == (to, app) and e.kind.moves_on), None)
        base = moved.values if moved is not None else {"level": 0}
        merge = merge_values(base, ours.values, theirs.values, ["level", "mode"], takes)
        after = theirs.model_copy(update={"values": merge.values})
        more = {"source": source, "overrides": overrides, "values": merge.moves}
        return self.case(
            PromotionKind.PROMOTION, app, to, after, source_release=theirs if theirs != after else None, **more
        )

    def plan(self, case: Case, content: bytes) -> PromotionPlan:
        """Return the plan with the verdicts, and check that the record of it is the same decision."""
        gates = decide(case)
        plan = plan_promotion(
            Facts(
                kind=case.kind,
                app=case.app,
                environment=case.environment,
                base=self.entries[0].commit,
                before=case.before,
                after=case.after,
                content=content.decode(),
                source=case.source,
                gates=gates,
                values=case.values,
                source_release=case.source_release,
            )
        )
        self._record(plan, case)
        return plan

    def _record(self, plan: PromotionPlan, case: Case) -> None:
        decision = Decision(
            stage="open",
            promotion=plan.kind,
            app=plan.app,
            environment=plan.environment,
            source=plan.source,
            base=plan.base,
            before=plan.before,
            after=plan.after,
            plan=plan.digest,
            gates=plan.gates,
            overrides=tuple(case.overrides),
            observations=case.observed,
            values=plan.values,
            source_release=plan.source_release,
        )
        draft = LedgerDraft(
            kind=EntryKind.DECIDED,
            key=key_of("decided", str(len(self.records))),
            app=plan.app,
            environment=plan.environment,
            data=decision.model_dump(mode="json", by_alias=True, exclude={"app", "environment"}),
        )
        last = parse(self.records[-1][0]) if self.records else None
        previous, sequence = (last.hash, last.sequence) if last else (START, 0)
        (entry,) = chain([draft], previous=previous, sequence=sequence, actor=ADA, time=self.now)
        self.records.append((line_of(entry), case))

    def replayed(self, line: str, then: Case) -> tuple[Any, Any]:
        """Return the gates of a recorded decision, and those of the same decision made again from the record."""
        found = decision_of(parse(line))
        assert found is not None
        assert found.observations is not None
        again = Case(
            then.fleet,
            found.promotion,
            found.app,
            found.environment,
            found.after,
            found.observations,
            found.observations.at,
            before=found.before,
            source=found.source,
            history=then.history,
            overrides=found.overrides,
            values=found.values,
            source_release=found.source_release,
        )
        return found.gates, decide(again)

    # ── changing ──

    def open(self, plan: PromotionPlan, case: Case, author: str) -> Request:
        """Open the pull request of a plan, or bring the one of its branch up to date: approvals are for one head."""
        known = self.requests.get(plan.branch)
        if known is not None and known.plan.digest == plan.digest and known.plan.overrides == plan.overrides:
            return known
        self.opened += known is None
        number = known.number if known else self.opened
        self.requests[plan.branch] = Request(number, plan, case, author)
        return self.requests[plan.branch]

    def land(self, plan: PromotionPlan) -> HistoryEntry:
        """Put a plan on the protected branch, by what its commit says about itself."""
        where = (plan.environment, plan.app)
        self.landed[where] = Landed(
            plan,
            plan.source is None or self.well(plan.source, plan.app, plan.proven),
            plan.source is None or self.soaked(plan.source, plan.app, plan.proven),
            self.hindered(plan),
        )
        return self._write(*where, plan.before, plan.content.encode(), assemble(plan.title, plan))

    def edit(self, environment: str, app: str, level: int) -> None:
        """Change a value of a pin by hand."""
        before = self.pin(environment, app)
        after = before.model_copy(update={"values": {**before.values, "level": level}})
        content = EDITOR.write(self.files[environment, app], after, pin_path(environment, app))
        if after != before:
            self._write(environment, app, before, content, "By hand")
            self.landed.pop((environment, app), None)

    def _write(self, environment: str, app: str, before: Release | None, content: bytes, message: str) -> HistoryEntry:
        self.files[environment, app] = content
        commit = f"{len(self.entries) + 1:040x}"
        self.written[commit] = content
        after = self.pin(environment, app)
        landing = Landing(commit, message, self.now, ADA, environment, app, before, after)
        self.entries.insert(0, entry_of(landing))
        return self.entries[0]

    def restrict(self, **more: tuple[Lock | Hold | Rejection, ...]) -> None:
        self.restrictions = self.restrictions.model_copy(update=more)

    def judged_again(self, request: Request) -> PromotionPlan:
        """Return the plan of an open pull request as it is now."""
        old = request.case
        fresh = self.case(
            old.kind,
            old.app,
            old.environment,
            old.after,
            source=old.source,
            source_release=old.source_release,
            overrides=old.overrides,
            values=old.values,
        )
        return self.plan(replace(fresh, values=old.values), request.plan.content.encode())


def _locks(lock: Lock, plan: PromotionPlan, now: datetime) -> bool:
    ended = lock.expires is not None and now >= lock.expires
    return not ended and lock.app in (None, plan.app) and lock.environment in (None, plan.environment)
