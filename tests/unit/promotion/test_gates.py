from __future__ import annotations

from typing import Any

from fleet.engine.gates import approvals, health, secrets
from fleet.engine.gates.registry import decide
from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.health import HealthStatus
from fleet.model.names import Target
from fleet.model.promotion import PromotionKind
from tests.unit.promotion.cases import ADA, BOB, case, fleet, only, seen
from tests.unit.promotion.plans import config, thing

TARGETS = [Target("web", "dev", "dev-a"), Target("web", "dev", "dev-b")]


def gate(**changes: Any) -> GateResult:
    """Return the verdict about dev, where each cluster is healthy unless something else is said of it."""
    found = {t: seen(t) for t in TARGETS}
    for name, fields in changes.items():
        target = Target("web", "dev", name.replace("_", "-"))
        found[target] = seen(target, **fields)
    (result,) = health.judge(case(targets=tuple(found.values()), source="dev", environment="staging"))
    return result


def test_healthy_everywhere_passes() -> None:
    found = gate()
    assert (found.name, found.verdict, found.holds) == ("health(dev)", Verdict.PASSED, "open")
    assert found.reason == "healthy at 1.1.0 (2222222) on 2 clusters"


def test_healthy_at_another_release_does_not_pass() -> None:
    found = gate(dev_b={"exact": False, "reason": "`X` is not of this release"})
    assert found.verdict is Verdict.PENDING
    assert found.reason == "dev-b: 1.1.0 (2222222) is not live yet: `X` is not of this release"
    assert found.hint == "fleet reconcile -e dev -a web"


def test_another_release_that_failed_says_nothing_about_this_one() -> None:
    assert gate(dev_a={"status": HealthStatus.FAILED, "exact": False}).verdict is Verdict.PENDING


def test_progressing_is_pending_and_failed_is_failed() -> None:
    slow = {"status": HealthStatus.PROGRESSING, "reason": "0 of 1 ready"}
    bad = {"status": HealthStatus.FAILED, "reason": "crash loop"}
    assert (gate(dev_a=slow).verdict, gate(dev_a=slow).reason) == (Verdict.PENDING, "dev-a: progressing: 0 of 1 ready")
    both = gate(dev_a=slow, dev_b=bad)
    assert (both.verdict, both.reason) == (Verdict.FAILED, "dev-b: failed: crash loop")
    assert both.hint == "fleet status -e dev -a web"


def test_an_unreachable_cluster_is_pending_never_passed() -> None:
    found = gate(dev_a={"status": HealthStatus.UNKNOWN, "exact": False, "reason": "connection refused"})
    assert (found.verdict, found.reason) == (Verdict.PENDING, "dev-a: cannot be asked: connection refused")


def test_a_cluster_that_nobody_asked_is_pending() -> None:
    found = case(targets=[seen(TARGETS[0])], source="dev", environment="staging")
    assert only(tuple(health.judge(found)), "health").verdict is Verdict.PENDING


def test_a_release_that_cannot_be_rendered_at_its_source_fails() -> None:
    found = gate(dev_b={"problems": ("`values.port` is not defined",), "exact": False})
    assert found.verdict is Verdict.FAILED
    assert "cannot be rendered: `values.port` is not defined" in found.reason


def test_approvals_hold_the_merge() -> None:
    (none,) = approvals.judge(case())
    assert none.verdict is Verdict.PASSED
    (found,) = approvals.judge(case({"prod": {"approvals": 2}}))
    assert (found.name, found.verdict, found.holds) == ("approvals(prod)", Verdict.PENDING, "merge")
    assert "2 approvals" in found.reason


def test_plain_secrets_are_refused_without_their_values() -> None:
    target = Target("web", "prod", "prod-eu")
    assert not [*secrets.judge(case(objects={target: [config("a")]}))]
    (found,) = secrets.judge(case(objects={target: [thing("Secret", "token", data={"password": "aHVudGVyMg=="})]}))
    assert (found.verdict, found.holds) == (Verdict.FAILED, "open")
    assert "password" in found.reason
    assert "aHVudGVyMg" not in found.model_dump_json()


def test_a_rollback_is_held_neither_by_health_nor_by_what_was_there_before() -> None:
    target = Target("web", "prod", "prod-eu")
    objects = {target: [thing("Secret", "token", data={"password": "aHVudGVyMg=="})]}
    assert all(r.passes for r in decide(case(kind=PromotionKind.ROLLBACK, targets=[], objects=objects)))


ALLOWED = {"prod": {"overrides": {"roles": ["leads"]}}}
ROLES = {"roles": {"leads": ["ada@example.com"]}}


def overridden(gate: str, by: str = ADA, policy: Any = None) -> GateResult:
    override = Override(gate=gate, by=by, reason="known problem")
    found = decide(case(targets=[], fleet_of=fleet(policy or ALLOWED, file=ROLES), overrides=[override]))
    return only(found, "health")


def test_a_member_of_the_role_may_promote_past_a_gate_and_it_stays_visible() -> None:
    found = overridden("health")
    assert (found.verdict, found.passes) == (Verdict.PENDING, True)
    assert found.override is not None
    assert found.override.reason == "known problem"
    assert overridden("health(staging)").passes


def test_others_may_not_and_neither_may_anybody_where_the_policy_names_no_role() -> None:
    assert not overridden("health", by=BOB).passes
    assert not overridden("health", policy={"prod": {}}).passes
    assert not overridden("soak").passes


def test_secrets_are_only_overridden_where_the_policy_names_them() -> None:
    target = Target("web", "prod", "prod-eu")
    objects = {target: [thing("Secret", "token", data={"password": "aHVudGVyMg=="})]}
    override = [Override(gate="secrets", by=ADA, reason="a test key")]
    named = {"prod": {"overrides": {"roles": ["leads"], "gates": ["secrets"]}}}
    for policy, passes in ((ALLOWED, False), (named, True)):
        found = decide(case(objects=objects, fleet_of=fleet(policy, file=ROLES), overrides=override))
        assert only(found, "secrets").passes is passes
