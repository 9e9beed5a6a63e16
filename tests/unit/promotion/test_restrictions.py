"""Locks, holds and rejected releases as gates."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.gates.registry import decide
from fleet.engine.restricting import is_active, locked_environments, locks
from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.promotion import PromotionKind
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions
from tests.unit.promotion.cases import ADA, BOB, CLUSTERS, NOW, case, fleet, only
from tests.unit.promotion.plans import NEW, OLD, release

LABELS = {"prod-eu": {"region": "eu", "tier": "one"}, "prod-us": {"region": "us"}, "staging": {"region": "eu"}}
FLEET = fleet(apps={"web": {}, "shop": {}}, labels=LABELS)


def lock(**more: Any) -> Lock:
    given: dict[str, Any] = {"id": "one", "owner": ADA, "reason": "quarter end", "created": NOW - timedelta(hours=1)}
    return Lock.model_validate(given | more)


def results(*found: Lock | Hold | Rejection, **more: Any) -> dict[str, GateResult]:
    known = Restrictions(
        locks=tuple(f for f in found if isinstance(f, Lock)),
        holds=tuple(f for f in found if isinstance(f, Hold)),
        rejections=tuple(f for f in found if isinstance(f, Rejection)),
    )
    decided = decide(case(fleet_of=FLEET, observed={"restrictions": known}, **more))
    return {r.kind: r for r in decided if r.kind in ("lock", "hold", "rejected")}


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ({}, True),
        ({"environment": "prod"}, True),
        ({"environment": "staging"}, False),
        ({"app": "web"}, True),
        ({"app": "shop"}, False),
        ({"environment": "prod", "app": "shop"}, False),
        ({"cluster": "prod-us"}, True),
        ({"cluster": "staging"}, False),
        ({"cluster": "gone"}, False),
        ({"environment": "staging", "cluster": "prod-us"}, False),
        ({"labels": {"region": "eu"}}, True),
        ({"labels": {"region": "eu", "tier": "one"}}, True),
        ({"labels": {"region": "us", "tier": "one"}}, False),  # no one cluster has both
        ({"cluster": "prod-us", "labels": {"region": "eu"}}, False),  # not that cluster
        ({"labels": {"region": "asia"}}, False),
    ],
)
@pytest.mark.parametrize("kind", PromotionKind)
def test_a_lock_holds_what_it_names(scope: dict[str, Any], held: bool, kind: PromotionKind) -> None:
    found = results(lock(**scope), kind=kind)
    assert ("lock" in found) is held


def test_a_lock_tells_who_why_until_when_and_how_to_go_on() -> None:
    end = NOW + timedelta(hours=2)
    gate = results(lock(environment="prod", expires=end))["lock"]
    assert gate == GateResult(
        name="lock(prod)",
        verdict=Verdict.PENDING,
        reason="`one` of Ada <ada@example.com> locks prod, until 2026-03-04 14:00 UTC: quarter end",
        holds="open",
        hint="fleet unlock one",
        since=NOW - timedelta(hours=1),
        clears=ADA,
        earliest=end,
    )


def test_several_locks_are_one_gate_that_ends_with_the_last() -> None:
    first, last = NOW + timedelta(hours=1), NOW + timedelta(hours=5)
    gate = results(lock(expires=last), lock(id="two", owner=BOB, expires=first))["lock"]
    assert (gate.earliest, gate.clears, gate.hint) == (last, f"{ADA}, {BOB}", "fleet unlock one; fleet unlock two")
    endless = results(lock(expires=last), lock(id="two"))["lock"]
    assert endless.earliest is None
    many = results(*(lock(id=f"lock-{n}") for n in range(9)))["lock"]
    assert many.reason.endswith("; and 6 more")


def test_a_hold_keeps_one_app_in_one_environment_and_lets_rollbacks_through() -> None:
    held = Hold(app="web", environment="prod", owner=ADA, reason="rolled back from 1.1.0", created=NOW)
    gate = results(held)["hold"]
    assert (gate.name, gate.verdict, gate.holds) == ("hold(prod)", Verdict.PENDING, "open")
    assert gate.reason == "held by Ada <ada@example.com> since 2026-03-04 12:00 UTC: rolled back from 1.1.0"
    assert (gate.hint, gate.clears, gate.since) == ("fleet release-hold web -e prod", ADA, NOW)
    assert results(held, kind=PromotionKind.ROLLBACK) == {}
    for other in ({"app": "shop"}, {"environment": "staging"}):
        assert results(held.model_copy(update=other)) == {}


def test_a_rejected_release_goes_nowhere_not_even_back() -> None:
    bad = Rejection(app="web", version="1.1.0", revision=NEW, owner=BOB, reason="loses orders", created=NOW)
    for more in ({}, {"environment": "staging", "source": "dev"}, {"kind": PromotionKind.ROLLBACK}):
        gate = results(bad, **more)["rejected"]
        assert (gate.verdict, gate.holds) == (Verdict.FAILED, "open")
        assert f"web {release('1.1.0', NEW).short} was rejected by {BOB}: loses orders" == gate.reason
    for other in ({"app": "shop"}, {"version": "1.1.1"}, {"revision": OLD}):
        assert results(bad.model_copy(update=other)) == {}


def test_a_release_is_the_same_whatever_images_and_values_it_has() -> None:
    bad = Rejection(app="web", version="1.1.0", revision=NEW, owner=BOB, reason="loses orders", created=NOW)
    other = release("1.1.0", NEW).model_copy(update={"images": {"web": "a:2"}})
    assert "rejected" in results(bad, after=other)


@pytest.mark.parametrize("kind", PromotionKind)
def test_what_cannot_be_read_is_pending_never_passed(kind: PromotionKind) -> None:
    decided = decide(case(fleet_of=FLEET, kind=kind, observed={"restrictions": None, "unread": "it is broken"}))
    names = ("lock", "rejected") if kind is PromotionKind.ROLLBACK else ("lock", "hold", "rejected")
    for name in names:
        gate = only(decided, name)
        assert (gate.verdict, gate.holds) == (Verdict.PENDING, "open")
        assert gate.reason == "locks, holds and rejections are not known: it is broken"


def test_a_rejection_is_not_overridden_unless_the_policy_names_it() -> None:
    bad = Rejection(app="web", version="1.1.0", revision=NEW, owner=BOB, reason="loses orders", created=NOW)
    known = Restrictions(locks=(lock(),), rejections=(bad,))
    wish = [Override(gate=gate, by=ADA, reason="now") for gate in ("lock", "rejected")]
    for gates, passes in (([], (True, False)), (["rejected"], (False, True))):
        policy = {"prod": {"overrides": {"roles": ["leads"], "gates": gates}}}
        of = fleet(policy, file={"roles": {"leads": [ADA]}})
        decided = decide(case(fleet_of=of, observed={"restrictions": known}, overrides=wish))
        assert (only(decided, "lock").passes, only(decided, "rejected").passes) == passes


def test_text_of_others_cannot_break_lines() -> None:
    gate = results(lock(owner="Eve\n\x1b[2J <eve@example.com>", reason="a\nb\u2028c"))["lock"]
    assert gate.reason.isprintable()


# ── properties ──

scopes = st.fixed_dictionaries(
    {},
    optional={
        "environment": st.sampled_from(list(CLUSTERS)),
        "app": st.sampled_from(["web", "shop"]),
        "cluster": st.sampled_from([name for names in CLUSTERS.values() for name in names]),
        "labels": st.dictionaries(
            st.sampled_from(["region", "tier"]), st.sampled_from(["eu", "us", "one"]), max_size=2
        ),
    },
)
moments = st.integers(-1_000, 1_000).map(lambda minutes: NOW + timedelta(minutes=minutes))


@given(scopes, st.sampled_from(["web", "shop"]), st.sampled_from(list(CLUSTERS)))
def test_naming_more_never_locks_more(scope: dict[str, Any], app: str, environment: str) -> None:
    whole = locks(lock(**scope), FLEET, app, environment)
    for key in scope:
        fewer = {k: v for k, v in scope.items() if k != key}
        assert locks(lock(**fewer), FLEET, app, environment) or not whole
    assert locks(lock(), FLEET, app, environment)


@given(scopes)
def test_a_lock_locks_exactly_the_targets_that_have_everything_that_it_names(scope: dict[str, Any]) -> None:
    made = lock(**scope)

    def fits(app: str, environment: str, cluster: str) -> bool:
        labels = LABELS.get(cluster, {})
        return (
            made.app in (None, app)
            and made.environment in (None, environment)
            and made.cluster in (None, cluster)
            and made.labels.items() <= labels.items()
        )

    for environment, clusters in CLUSTERS.items():
        for app in ("web", "shop"):
            assert locks(made, FLEET, app, environment) is any(fits(app, environment, c) for c in clusters)
        held = any(fits(app, environment, c) for app in ("web", "shop") for c in clusters)
        assert (environment in locked_environments(made, FLEET)) is held


@given(moments, moments)
def test_a_lock_ends_when_it_says_and_stays_ended(end: datetime, now: datetime) -> None:
    made = lock(expires=end)
    assert is_active(made, now) is (now < end)
    assert not is_active(made, end)
    assert is_active(lock(), now)
    found = results(made, now=now)
    assert ("lock" in found) is (now < end)
    if "lock" in found:
        assert found["lock"].earliest == end  # and at that time it does pass
        assert results(made, now=end) == {}
