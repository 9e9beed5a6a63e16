"""Promotions in every order: random policies, clocks and interleavings, and what must never happen."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet.engine.gates.case import MERGE
from fleet.engine.gates.soak import soak_of
from fleet.engine.ledger import faults, parse
from fleet.engine.merging import Takes
from fleet.engine.plan_promotion import pin_path
from fleet.engine.returning import earlier_release
from fleet.engine.trailers import overrides_of
from fleet.model.gate import Override
from fleet.model.promotion import PromotionKind, PromotionPlan, ValueSide
from fleet.model.release import Release
from fleet.model.restriction import Hold, Lock, Rejection
from tests.property.promotion.world import APPS, BEFORE, EDITOR, FROZEN, Request, World
from tests.unit.promotion.cases import ADA, BOB, CLUSTERS

OVERRIDABLE = ["health", "soak", "queue", "lock", "hold", "rejected", "window"]
ENVIRONMENTS = st.sampled_from(sorted(CLUSTERS))
APP = st.sampled_from(APPS)
CLUSTER = st.sampled_from([(e, c) for e, clusters in CLUSTERS.items() for c in clusters])
POLICIES = st.fixed_dictionaries(
    {
        "approvals": st.integers(0, 2),
        "queue": st.sampled_from(["latest", "fifo"]),
        "interruptSoak": st.booleans(),
        "overrides": st.sampled_from([{"roles": ["ops"], "gates": OVERRIDABLE}, {"roles": ["ops"]}]),
    },
    optional={
        "soak": st.sampled_from(["10m", "60m"]),
        "windows": st.just([FROZEN]),
    },
)
OVERRIDES = st.one_of(
    st.just(()),
    st.tuples(
        st.builds(
            Override,
            gate=st.sampled_from(OVERRIDABLE),
            by=st.sampled_from([ADA, BOB]),
            reason=st.sampled_from(["outage", "a: b\nFleet-To: dev", " \\ "]),
        )
    ),
)
TROUBLE = st.sampled_from(["", "", "ill dev", "ill staging", "late dev", "late staging"])
TAKES = st.sampled_from([Takes(), Takes(conflicts=ValueSide.OURS), Takes(conflicts=ValueSide.THEIRS)])


class Promotions(RuleBasedStateMachine):
    """A team that does everything at any time."""

    world: World

    @initialize(policies=st.fixed_dictionaries(dict.fromkeys(CLUSTERS, POLICIES)))
    def start(self, policies: dict[str, dict[str, Any]]) -> None:
        self.world = World(policies)
        self.number = 0
        self.epochs = Counter[tuple[str, str]]()
        self.soaks: dict[tuple[str, str], tuple[int, Release, timedelta]] = {}

    # ── time and clusters ──

    @rule(minutes=st.sampled_from([1, 5, 10, 30, 60, 180]))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @rule(environment=ENVIRONMENTS, app=APP)
    def reconcile(self, environment: str, app: str) -> None:
        wanted = self.world.pin(environment, app)
        for cluster in CLUSTERS[environment]:
            one = self.world.running[environment, cluster, app]
            if one.release != wanted:
                one.release, one.since, one.ill = wanted, self.world.now, False
                self.epochs[environment, app] += 1

    @rule(where=CLUSTER, app=APP)
    def cluster_falls_ill(self, where: tuple[str, str], app: str) -> None:
        self.world.running[*where, app].ill = True
        self.epochs[where[0], app] += 1

    @rule()
    def all_get_well(self) -> None:
        for (environment, _, app), one in self.world.running.items():
            if one.ill:
                one.ill, one.since = False, self.world.now
                self.epochs[environment, app] += 1

    # ── moving ──

    @rule(app=APP, level=st.integers(0, 3))
    def release(self, app: str, level: int) -> None:
        self.number += 1
        after = Release(version=f"1.{self.number}.0", revision=f"{self.number + 100:040x}", values={"level": level})
        content = EDITOR.write(self.world.files["dev", app], after, pin_path("dev", app))
        case = self.world.case(PromotionKind.RELEASE, app, "dev", after)
        plan = self.world.plan(case, content)
        if not plan.blocked_by:
            self.world.open(plan, case, ADA)

    @rule(app=APP, to=st.sampled_from(sorted(BEFORE)), overrides=OVERRIDES, takes=TAKES, by=st.sampled_from([ADA, BOB]))
    def promote(self, app: str, to: str, overrides: tuple[Override, ...], takes: Takes, by: str) -> None:
        case = self.world.promotion(app, to, overrides, takes)
        if case.before == case.after:
            return
        content = EDITOR.write(self.world.files[to, app], case.after, pin_path(to, app))
        plan = self.world.plan(case, content)
        if not plan.blocked_by and not plan.conflicts:
            self._on_record(plan, self.world.hindered(plan) - {"window"})  # a freeze holds merges only
            self.world.open(plan, case, by)

    @rule(app=APP, environment=ENVIRONMENTS, hold=st.booleans())
    def rollback(self, app: str, environment: str, hold: bool) -> None:
        world = self.world
        entries = [e for e in world.entries if (e.app, e.environment) == (app, environment)]
        rejected = [r for r in world.restrictions.rejections if r.app == app]
        found = earlier_release(entries, world.pin(environment, app), rejected)
        if found is None or found.entry.after is None:
            return
        path, now = pin_path(environment, app), world.files[environment, app]
        content = EDITOR.restore(now, world.written[found.entry.commit], path)
        assert content == world.written[found.entry.commit]  # byte for byte, comments and spaces and all
        case = world.case(PromotionKind.ROLLBACK, app, environment, found.entry.after)
        plan = world.plan(case, content)
        if plan.blocked_by:
            return
        if hold:
            held = Hold(app=app, environment=environment, owner=ADA, reason="rolled back", created=world.now)
            world.restrict(holds=(*world.restrictions.holds, held))
        world.open(plan, case, BOB)

    @rule(app=APP, level=st.integers(0, 3))
    def release_and_land(self, app: str, level: int) -> None:
        self.release(app, level)
        self._finish("dev", app)

    @rule(app=APP, to=st.sampled_from(sorted(BEFORE)), overrides=OVERRIDES, takes=TAKES)
    def promote_and_land(self, app: str, to: str, overrides: tuple[Override, ...], takes: Takes) -> None:
        self.promote(app, to, overrides, takes, BOB)
        self._finish(to, app)

    @rule(app=APP, level=st.integers(0, 3), minutes=st.sampled_from([0, 10, 60]), trouble=TROUBLE)
    def all_the_way(self, app: str, level: int, minutes: int, trouble: str) -> None:
        """What a day looks like, with the trouble that it may have; the other rules are what comes in between."""
        self.release_and_land(app, level)
        for to, source in BEFORE.items():
            if trouble == f"ill {source}":
                self.cluster_falls_ill((source, CLUSTERS[source][-1]), app)
            if trouble == f"late {source}":
                self.somebody_edits_a_pin(source, app, level + 1)  # and nobody has applied it
            self.time_passes(minutes)
            self.promote_and_land(app, to, (), Takes())

    @rule(app=APP, level=st.integers(0, 3), by=st.sampled_from([ADA, BOB]))
    def rush(self, app: str, level: int, by: str) -> None:
        """Promote past everything at once, which only some may."""
        self.release_and_land(app, level)
        everything = tuple(Override(gate=gate, by=by, reason="outage\nFleet-To: dev") for gate in OVERRIDABLE)
        for to in ("staging", "prod"):
            self.promote_and_land(app, to, everything, Takes(conflicts=ValueSide.THEIRS))

    @rule(app=APP, environment=ENVIRONMENTS)
    def roll_back_and_land(self, app: str, environment: str) -> None:
        self.rollback(app, environment, hold=False)
        self._finish(environment, app)

    @precondition(lambda self: self.world.requests)
    @rule(which=st.integers(0, 9), by=st.sampled_from([ADA, BOB, "Eve <eve@example.com>"]))
    def approve(self, which: int, by: str) -> None:
        request = self._request(which)
        if by != request.author:
            request.approvals.add(by)

    @precondition(lambda self: self.world.requests)
    @rule(which=st.integers(0, 9))
    def merge(self, which: int) -> None:
        self._merge(self._request(which))

    def _merge(self, request: Request) -> None:
        if len(request.approvals) < self.world.policies[request.plan.environment]["approvals"]:
            return
        plan = self.world.judged_again(request)
        if plan.digest != request.plan.digest or plan.before != request.plan.before:
            return  # something else would come of it than what was approved
        if any(not gate.passes and gate.kind != "approvals" for gate in plan.gates):
            return
        self._on_record(plan, self.world.hindered(plan))
        entry = self.world.land(plan)
        del self.world.requests[plan.branch]
        assert (entry.kind, entry.source, entry.before, entry.after) == (
            plan.kind,
            plan.source,
            plan.before,
            plan.after,
        )
        assert overrides_of(entry.trailers) == plan.overrides

    @rule(environment=ENVIRONMENTS, app=APP, level=st.integers(0, 3))
    def somebody_edits_a_pin(self, environment: str, app: str, level: int) -> None:
        self.world.edit(environment, app, level)

    # ── restrictions ──

    @rule(environment=st.none() | ENVIRONMENTS, app=st.none() | APP, minutes=st.sampled_from([10, 60, None]))
    def lock(self, environment: str | None, app: str | None, minutes: int | None) -> None:
        self.number += 1
        now = self.world.now
        lock = Lock(
            id=f"l{self.number}",
            environment=environment,
            app=app,
            owner=BOB,
            reason="why",
            created=now,
            expires=now + timedelta(minutes=minutes) if minutes else None,
        )
        self.world.restrict(locks=(*self.world.restrictions.locks, lock))

    @rule()
    def unlock_and_release_holds(self) -> None:
        self.world.restrict(locks=(), holds=())

    @rule(app=APP, environment=ENVIRONMENTS)
    def reject(self, app: str, environment: str) -> None:
        found = self.world.pin(environment, app)
        if found.version == "1.0.0":
            return  # what all of it began with stays good, so that something can move
        rejection = Rejection(
            app=app,
            version=found.version,
            revision=found.revision,
            owner=ADA,
            reason="bad",
            created=self.world.now,
        )
        self.world.restrict(rejections=(*self.world.restrictions.rejections, rejection))
        for branch, request in list(self.world.requests.items()):
            if (request.plan.app, request.plan.after.revision) == (app, found.revision):
                del self.world.requests[branch]

    # ── what must always be true ──

    @invariant()
    def one_open_pull_request_leads_an_app_onwards(self) -> None:
        ways = Counter(
            (r.plan.environment, r.plan.app, r.plan.kind is PromotionKind.ROLLBACK)
            for r in self.world.requests.values()
        )
        assert max(ways.values(), default=1) == 1

    @invariant()
    def nothing_is_anywhere_that_was_not_proven_before_unless_on_record(self) -> None:
        for (environment, app), landed in self.world.landed.items():
            assert landed.plan.after == self.world.pin(environment, app)
            entry = next(e for e in self.world.entries if (e.environment, e.app) == (environment, app))
            said = {override.gate for override in overrides_of(entry.trailers)}
            assert landed.wanted <= said, (environment, app, landed.wanted)
            assert landed.well or "health" in said
            assert landed.soaked or "soak" in said

    @invariant()
    def soak_never_grows(self) -> None:
        world = self.world
        for (to, source), app in ((pair, app) for pair in BEFORE.items() for app in APPS):
            if "soak" not in world.policies[source]:
                continue
            release = world.pin(source, app)
            case = world.case(PromotionKind.PROMOTION, app, to, release, source=source)
            soak = soak_of(case, source, release)
            if soak.end is None:
                self.soaks.pop((source, app), None)
                continue
            assert world.soaked(source, app, release) is soak.over(world.now)
            left, epoch = max(soak.end - world.now, timedelta()), self.epochs[source, app]
            known = self.soaks.get((source, app))
            if known is not None and known[:2] == (epoch, release):
                assert left <= known[2]
            self.soaks[source, app] = (epoch, release, left)

    def teardown(self) -> None:
        """Every decision that was recorded is the same when it is made again, and the ledger is whole."""
        if not hasattr(self, "world"):
            return
        records = self.world.records
        for line, case in records:
            then, again = self.world.replayed(line, case)
            assert then == again
        index = {entry.key: entry.sequence for entry in (parse(line) for line, _ in records)}
        assert [*faults([("c" * 40, [line]) for line, _ in records], index)] == []

    def _request(self, which: int) -> Request:
        requests = [*self.world.requests.values()]
        return requests[which % len(requests)]

    def _finish(self, environment: str, app: str) -> None:
        """Approve and merge what leads an app into an environment, and apply it."""
        for request in [*self.world.requests.values()]:
            if (request.plan.environment, request.plan.app) == (environment, app):
                request.approvals |= {"Eve <eve@example.com>", "Kim <kim@example.com>"}
                self._merge(request)
        self.reconcile(environment, app)

    def _on_record(self, plan: PromotionPlan, hindered: frozenset[str]) -> None:
        """Check that whatever should hold a plan was overridden, by somebody who may."""
        passed = {gate.kind for gate in plan.gates if gate.override is not None}
        assert hindered <= passed, (hindered, [(g.name, g.verdict.value, g.holds) for g in plan.gates])
        assert all(override.by == ADA for override in plan.overrides)
        assert all(gate.passes or gate.holds == MERGE for gate in plan.gates)


TestPromotions = Promotions.TestCase
TestPromotions.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
