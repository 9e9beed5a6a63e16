"""A scenario that describes a case has the verdicts of the case, and notices if one of them is another."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from fleet.engine.gates.case import Case
from fleet.engine.gates.registry import decide
from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.observation import ProbeAnswer, TargetObservation
from fleet.model.promotion import HistoryEntry, PromotionKind, ValueDecision, ValueMove
from fleet.model.release import Release
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions
from tests.unit.policy_tests.playing import play
from tests.unit.promotion.cases import ADA, BOB, CLUSTERS, NOW, case, fleet
from tests.unit.promotion.plans import NEW, OLD, release

TIMES = st.integers(-240, 240).map(lambda minutes: NOW + timedelta(minutes=minutes))
PEOPLE = st.sampled_from([ADA, BOB])
OTHER = "3" * 40
WAYS = [
    (PromotionKind.PROMOTION, "staging", "prod"),
    (PromotionKind.PROMOTION, "dev", "staging"),
    (PromotionKind.HOTFIX, "dev", "prod"),
    (PromotionKind.ROLLBACK, None, "prod"),
    (PromotionKind.RELEASE, None, "dev"),
]
BUDGET = {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"password": "hunter2"}}
RELEASES = [release("1.0.0", OLD), release("1.1.0", NEW), release("1.0.5", OTHER, values={"a.b": 1})]


@st.composite
def policies(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Return policies of the environments."""
    found: dict[str, dict[str, Any]] = {}
    for environment in CLUSTERS:
        policy: dict[str, Any] = {
            "approvals": draw(st.integers(0, 2)),
            "queue": draw(st.sampled_from(["latest", "fifo"])),
            "gates": draw(st.lists(st.sampled_from(["smoke", "load"]), unique=True).map(_gates)),
            "overrides": {"roles": draw(st.sampled_from([[], ["leads"]]))},
        }
        if draw(st.booleans()):
            policy["soak"] = draw(st.sampled_from(["10m", "1h", "3h"]))
        if draw(st.booleans()):
            start = draw(TIMES)
            kind = draw(st.sampled_from(["allow", "freeze"]))
            starts = f"{start:%Y-%m-%dT%H:%M}"
            policy["windows"] = [{"name": "hours", "kind": kind, "starts": starts, "duration": "2h"}]
        found[environment] = policy
    found["dev"]["releases"] = draw(st.sampled_from(["direct", "pull-request"]))
    return found


def _gates(names: list[str]) -> list[dict[str, Any]]:
    asking = [{"name": name, "http": {"url": f"https://{name}.example.com"}} for name in names]
    return [*asking, {"name": "new", "cel": 'version != "1.0.5"'}]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return the promotion, release or rollback of an app, with whatever may be observed of it."""
    kind, source, environment = draw(st.sampled_from(WAYS))
    after = draw(st.sampled_from(RELEASES))
    before = draw(st.sampled_from([None, *(one for one in RELEASES if one != after)]))
    shop = fleet(
        draw(policies()),
        file={"roles": {"leads": ["ada@example.com"]}},
        pins={(name, "web"): draw(st.sampled_from(RELEASES)) for name in CLUSTERS},
    )
    policy = shop.environments[environment].spec.policy
    targets = [
        draw(_seen(Target("web", name, cluster), one))
        for name, one in ((source, after), (environment, before))
        if name is not None and one is not None
        for cluster in CLUSTERS[name]
        if draw(st.integers(0, 4))
    ]
    names = [gate.name for gate in policy.gates if gate.cel is None and draw(st.booleans())]
    return case(
        fleet_of=shop,
        kind=kind,
        source=source,
        environment=environment,
        before=before,
        after=after,
        targets=targets,
        observed={
            "probes": tuple(draw(_answer(name, environment)) for name in names),
            "restrictions": draw(st.one_of(st.none(), _restrictions(environment, after))),
            "unread": "the scenario does not tell",
            "versions": draw(
                st.dictionaries(st.sampled_from(CLUSTERS[environment]), st.sampled_from(["1.24", "1.30"]))
            ),
        },
        history=sorted(draw(st.lists(_entry(), max_size=3)), key=lambda entry: entry.time, reverse=True),
        overrides=tuple(draw(st.lists(_override(), max_size=2))),
        values=tuple(draw(st.lists(st.builds(_conflict, st.sampled_from(["a", "b.c"])), max_size=1))),
        objects={
            Target("web", environment, cluster): objects
            for objects in [draw(st.lists(st.sampled_from([BUDGET, SECRET]), unique_by=str))]
            for cluster in CLUSTERS[environment]
        },
        direct=kind is PromotionKind.RELEASE and policy.releases == "direct",
    )


@st.composite
def _seen(draw: st.DrawFn, target: Target, at: Release) -> TargetObservation:
    return TargetObservation(
        target=target,
        release=at,
        status=draw(st.sampled_from(HealthStatus)),
        exact=draw(st.booleans()),
        reason=draw(st.sampled_from(["", "2 of 3 pods"])),
        since=draw(st.one_of(st.none(), TIMES)),
    )


@st.composite
def _answer(draw: st.DrawFn, name: str, environment: str) -> ProbeAnswer:
    passed = draw(st.sampled_from([True, False, None]))
    return ProbeAnswer(
        gate=name, app="web", environment=environment, passed=passed, reason="status 200", pending=passed is None
    )


@st.composite
def _restrictions(draw: st.DrawFn, environment: str, after: Release) -> Restrictions:
    who: dict[str, Any] = {"owner": draw(PEOPLE), "reason": "a reason", "created": draw(TIMES)}
    lock = Lock(
        id="lock",
        environment=draw(st.sampled_from([None, *CLUSTERS])),
        cluster=draw(st.sampled_from([None, "prod-eu"])),
        expires=draw(st.one_of(st.none(), TIMES)),
        **who,
    )
    hold = Hold(app="web", environment=draw(st.sampled_from([*CLUSTERS])), **who)
    one = draw(st.sampled_from(RELEASES))
    rejection = Rejection(app="web", version=one.version, revision=one.revision, **who)
    return Restrictions(
        locks=draw(st.sampled_from([(), (lock,)])),
        holds=draw(st.sampled_from([(), (hold,)])),
        rejections=draw(st.sampled_from([(), (rejection,)])),
    )


@st.composite
def _entry(draw: st.DrawFn) -> HistoryEntry:
    return HistoryEntry(
        id="c" * 12,
        kind=draw(st.sampled_from(PromotionKind)),
        app="web",
        environment=draw(st.sampled_from([*CLUSTERS])),
        after=draw(st.sampled_from(RELEASES)),
        time=draw(TIMES),
    )


@st.composite
def _override(draw: st.DrawFn) -> Override:
    return Override(gate=draw(st.sampled_from(["soak", "lock", "health"])), by=draw(PEOPLE), reason="it burns")


def _conflict(path: str) -> ValueMove:
    return ValueMove(path=path, decision=ValueDecision.CONFLICT)


def scenario_of(one: Case) -> dict[str, Any]:
    """Describe a case as a scenario does."""
    facts: dict[str, Any] = {
        "app": one.app,
        "to": one.environment,
        "kind": one.kind.value,
        "at": _time(one.now),
        "after": _release(one.after),
        "health": {
            seen.target.cluster: {
                "status": seen.status.value,
                "exact": seen.exact,
                "reason": seen.reason,
                **({"since": _time(seen.since)} if seen.since else {}),
            }
            for seen in one.observed.targets
        },
        "versions": one.observed.versions,
        "probes": {a.gate: {"verdict": _verdict(a).value, "reason": a.reason} for a in one.observed.probes},
        "history": [
            {"kind": e.kind.value, "environment": e.environment, "at": _time(e.time), "release": _release(e.after)}
            for e in one.history
            if e.after is not None
        ],
        "overrides": [{"gate": o.gate, "by": o.by, "reason": o.reason} for o in one.overrides],
        "conflicts": [move.path for move in one.values],
        "objects": list(one.objects[one.targets(one.environment)[0]]),
        "releases": {
            name: {"web": _release(place.pins["web"].release)}
            for name, place in one.fleet.environments.items()
            if name not in (one.source, one.environment) and place.pins["web"].release is not None
        },
        **({"from": one.source} if one.source else {}),
        **({"before": _release(one.before)} if one.before else {"first": True}),
    }
    known = one.observed.restrictions
    if known is not None:
        for part in ("locks", "holds", "rejections"):
            dumped = [r.model_dump(mode="json", by_alias=True, exclude_none=True) for r in getattr(known, part)]
            facts[part] = [{k: v for k, v in r.items() if (part, k) != ("rejections", "app")} for r in dumped]
    return facts


def _verdict(answer: ProbeAnswer) -> Verdict:
    if answer.passed is None:
        return Verdict.PENDING
    return Verdict.PASSED if answer.passed else Verdict.FAILED


def _release(one: Release | None) -> dict[str, Any]:
    assert one is not None
    return {"version": one.version, "revision": one.revision, "values": one.values}


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def expected_of(gates: tuple[GateResult, ...]) -> dict[str, Any]:
    """Return expectations that leave nothing open; of several gates with the same name, their names."""
    names = [result.name for result in gates]
    found: dict[str, Any] = {
        "only": names,
        "overridden": [result.name for result in gates if result.override],
        "gates": {},
    }
    for result in gates:
        if names.count(result.name) == 1:
            details = {"verdict": result.verdict.value, "reason": result.reason, "holds": result.holds}
            found["gates"][result.name] = {
                **details,
                **({"earliest": _time(result.earliest)} if result.earliest else {}),
                **({"clears": result.clears} if result.clears else {}),
            }
    return found


@given(cases())
def test_a_scenario_has_the_verdicts_of_the_case_that_it_describes(one: Case) -> None:
    gates = decide(one)
    for result in gates:
        event(f"{result.kind} {result.verdict.value}")
    report = play({"given": scenario_of(one), "expect": expected_of(gates)}, fleet_of=one.fleet)
    assert report.problems == ()
    (found,) = report.scenarios[0].moments
    assert found.gates == gates, json.dumps(scenario_of(one))
    assert found.failures == ()


@given(cases(), st.data())
def test_a_scenario_that_expects_another_verdict_fails_at_that_gate_only(one: Case, data: st.DataObject) -> None:
    gates = decide(one)
    expected = expected_of(gates)
    if not expected["gates"]:
        return
    name = data.draw(st.sampled_from(sorted(expected["gates"])))
    right = expected["gates"][name]["verdict"]
    expected["gates"][name]["verdict"] = data.draw(st.sampled_from([v.value for v in Verdict if v.value != right]))
    report = play({"given": scenario_of(one), "expect": expected}, fleet_of=one.fleet)
    assert report.broken == 1
    (failure,) = report.scenarios[0].moments[0].failures
    assert failure.what == name
