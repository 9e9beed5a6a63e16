"""Gates of one's own: verdicts of answers and of expressions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.engine.gates.case import Case
from fleet.engine.gates.facts import VARIABLES, facts_of
from fleet.engine.gates.own import RESERVED
from fleet.engine.gates.registry import decide
from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.observation import ProbeAnswer
from fleet.model.promotion import PromotionKind
from tests.unit.promotion.cases import ADA, NOW, case, fleet, healthy, only

HTTP = {"name": "smoke", "http": {"url": "https://ci.example.com/ok"}, "description": "The smoke tests of the shop"}


def answer(passed: bool | None = True, **more: Any) -> ProbeAnswer:
    given: dict[str, Any] = {"gate": "smoke", "app": "web", "environment": "prod", "reason": "answered 200"}
    return ProbeAnswer(passed=passed, **(given | more))


def held(gate: dict[str, Any], *answers: ProbeAnswer, **more: Any) -> GateResult:
    return only(decide(case({"prod": {"gates": [gate]}}, observed={"probes": answers}, **more)), gate["name"])


def cel(expression: str, **more: Any) -> GateResult:
    return held({"name": "own", "cel": expression}, **more)


def test_a_good_answer_passes_and_a_bad_one_fails() -> None:
    good, bad = held(HTTP, answer()), held(HTTP, answer(False, reason="answered 404, not 200"))
    assert (good.name, good.verdict, good.reason, good.clears) == ("smoke(prod)", Verdict.PASSED, "answered 200", None)
    assert (bad.verdict, bad.clears, bad.holds) == (Verdict.FAILED, "ci.example.com", "open")
    assert bad.reason == "answered 404, not 200: The smoke tests of the shop"


def test_without_an_answer_it_is_pending() -> None:
    assert held(HTTP).verdict is Verdict.PENDING
    assert held(HTTP, answer(None, reason="did not answer")).verdict is Verdict.PENDING
    assert held(HTTP, answer(True, pending=True)).verdict is Verdict.PENDING


@pytest.mark.parametrize("other", [{"app": "basket"}, {"environment": "staging"}, {"gate": "smoke2"}])
def test_an_answer_about_something_else_does_not_count(other: dict[str, Any]) -> None:
    assert held(HTTP, answer(**other)).verdict is Verdict.PENDING


def test_it_holds_what_it_says() -> None:
    assert held({**HTTP, "holds": "merge"}).holds == "merge"
    assert held({**HTTP, "holds": "merge"}, direct=True).holds == "open"


def test_no_gate_of_ones_own_holds_a_rollback() -> None:
    gates = [HTTP, {"name": "never", "cel": "false", "holds": "merge"}]
    results = decide(case({"prod": {"gates": gates}}, kind=PromotionKind.ROLLBACK))
    assert not [result for result in results if result.kind in ("smoke", "never")]


def test_it_can_be_overridden_by_name() -> None:
    policy = {"gates": [HTTP], "overrides": {"roles": ["leads"], "gates": ["smoke"]}}
    with_role = fleet({"prod": policy}, file={"roles": {"leads": ["ada@example.com"]}})
    override = Override(gate="smoke", by=ADA, reason="down")
    result = only(decide(case(fleet_of=with_role, overrides=[override])), "smoke")
    assert result.override == override


@pytest.mark.parametrize(
    "expression",
    [
        "app == 'web' && environment == 'prod' && source == 'staging' && kind == 'promotion'",
        "version == '1.1.0' && after.version == version && before.version == '1.0.0'",
        "after.revision == revision && before.revision != revision",
        "size(clusters) == 2 && clusters.all(c, c.labels.tier == 'gold')",
        "now == timestamp('2026-03-04T12:00:00Z')",
        "healthySeconds == 7200",
        "gates.health == 'passed' && gates['window'] == 'pending'",
        "!has(before.images.web) && size(after.values) == 0",
    ],
)
def test_an_expression_sees_the_promotion(expression: str) -> None:
    policy = {"gates": [{"name": "own", "cel": expression}], "windows": [WINDOW]}
    known = fleet({"prod": policy}, labels={"prod-eu": {"tier": "gold"}, "prod-us": {"tier": "gold"}})
    result = only(decide(case(fleet_of=known)), "own")
    assert result.verdict is Verdict.PASSED, result.reason


WINDOW = {"name": "freeze", "kind": "freeze", "starts": "2026-03-01T00:00", "duration": "14d"}


def test_an_expression_that_is_false_fails_with_what_it_says() -> None:
    result = cel("after.version\n  != version")
    assert (result.verdict, result.reason) == (Verdict.FAILED, "`after.version != version` is false")


def test_an_expression_that_cannot_be_judged_is_pending_with_the_reason() -> None:
    unknown = case({"prod": {"gates": [{"name": "own", "cel": "healthySeconds > 60"}]}}, targets=[])
    result = only(decide(unknown), "own")
    assert result.verdict is Verdict.PENDING
    assert "cannot be judged: it compares" in result.reason


def test_what_an_expression_sees_is_what_is_documented() -> None:
    given: Case = case()
    assert set(facts_of(given)) == set(VARIABLES)


def test_the_time_is_an_argument() -> None:
    at = datetime(2026, 3, 6, 18, tzinfo=UTC)
    assert cel("now.getDayOfWeek() != 5", now=NOW).verdict is Verdict.PASSED
    assert cel("now.getDayOfWeek() != 5", now=at).verdict is Verdict.FAILED
    soaked = {"targets": healthy(since=NOW - timedelta(minutes=1))}
    assert cel("healthySeconds >= 3600", **soaked).verdict is Verdict.FAILED


def test_fleet_has_no_gate_whose_name_one_could_take() -> None:
    kinds = {result.kind for result in decide(case({"prod": {"windows": [WINDOW]}, "staging": {"soak": "1h"}}))}
    assert kinds <= RESERVED
