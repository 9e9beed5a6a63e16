from __future__ import annotations

from typing import Any

from fleet.engine.gates import approvals_needed, health_gate, secrets_gate
from fleet.errors import Problem
from fleet.model.gate import GateResult, Verdict
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.names import Target
from tests.unit.promotion.plans import config, release, target, thing

TARGETS = [target("dev-a", environment="dev"), target("dev-b", environment="dev")]
WELL = TargetHealth(status=HealthStatus.HEALTHY, exact=True)


def gate(problems: Any = None, **health: TargetHealth) -> GateResult:
    by_target: dict[Target, TargetHealth] = {t: WELL for t in TARGETS}
    by_target |= {target(n.replace("_", "-"), environment="dev"): h for n, h in health.items()}
    return health_gate("dev", release(), TARGETS, by_target, problems or {})


def test_healthy_everywhere_passes() -> None:
    found = gate()
    assert (found.name, found.verdict, found.holds) == ("health(dev)", Verdict.PASSED, "open")
    assert found.reason == "healthy at 1.1.0 (2222222) on 2 clusters"


def test_healthy_at_another_release_does_not_pass() -> None:
    found = gate(dev_b=TargetHealth(status=HealthStatus.HEALTHY, exact=False, reason="`X` is not of this release"))
    assert found.verdict is Verdict.PENDING
    assert found.reason == "dev-b: 1.1.0 (2222222) is not live yet: `X` is not of this release"
    assert found.hint == "fleet reconcile -e dev -a web"


def test_another_release_that_failed_says_nothing_about_this_one() -> None:
    assert gate(dev_a=TargetHealth(status=HealthStatus.FAILED, exact=False)).verdict is Verdict.PENDING


def test_progressing_is_pending_and_failed_is_failed() -> None:
    slow = TargetHealth(status=HealthStatus.PROGRESSING, exact=True, reason="0 of 1 ready")
    bad = TargetHealth(status=HealthStatus.FAILED, exact=True, reason="crash loop")
    assert (gate(dev_a=slow).verdict, gate(dev_a=slow).reason) == (Verdict.PENDING, "dev-a: progressing: 0 of 1 ready")
    both = gate(dev_a=slow, dev_b=bad)
    assert (both.verdict, both.reason) == (Verdict.FAILED, "dev-b: failed: crash loop")
    assert both.hint == "fleet status -e dev -a web"


def test_an_unreachable_cluster_is_pending_never_passed() -> None:
    found = gate(dev_a=TargetHealth(status=HealthStatus.UNKNOWN, exact=False, reason="connection refused"))
    assert (found.verdict, found.reason) == (Verdict.PENDING, "dev-a: cannot be asked: connection refused")


def test_a_cluster_that_nobody_asked_is_pending() -> None:
    assert health_gate("dev", release(), TARGETS, {TARGETS[0]: WELL}, {}).verdict is Verdict.PENDING


def test_an_environment_without_clusters_proves_nothing() -> None:
    assert health_gate("dev", release(), [], {}, {}).verdict is Verdict.PENDING


def test_a_release_that_cannot_be_rendered_at_its_source_fails() -> None:
    found = gate(problems={TARGETS[1]: (Problem("FLT-RND-002", "`values.port` is not defined"),)})
    assert found.verdict is Verdict.FAILED
    assert "cannot be rendered: `values.port` is not defined" in found.reason


def test_long_reasons_are_cut() -> None:
    many = [target(f"c{n}", environment="dev") for n in range(9)]
    found = health_gate("dev", release(), many, {}, {})
    assert found.reason.endswith("and 6 more of 9 clusters")


def test_approvals_hold_the_merge() -> None:
    assert approvals_needed("dev", 0).verdict is Verdict.PASSED
    found = approvals_needed("prod", 2)
    assert (found.name, found.verdict, found.holds) == ("approvals(prod)", Verdict.PENDING, "merge")
    assert "2 approvals" in found.reason


def test_plain_secrets_are_refused_without_their_values() -> None:
    assert secrets_gate([config("a")]) is None
    found = secrets_gate([thing("Secret", "token", data={"password": "aHVudGVyMg=="})])
    assert found is not None
    assert (found.verdict, found.holds) == (Verdict.FAILED, "open")
    assert "password" in found.reason
    assert "aHVudGVyMg" not in found.model_dump_json()
