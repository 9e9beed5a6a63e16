from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.plan_reconcile import Facts, Place, plan_reconcile
from fleet.model.names import Target
from fleet.model.reconcile import Action
from tests.helpers.reconciling import deployment, state_of

TARGETS = [Target(app, "prod", cluster) for cluster in ("eu", "us", "ap") for app in ("api", "web")]
DESIRED = {t: state_of(t, "1.0.0", [deployment(t.app, "x:1")]) for t in TARGETS}


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    known = draw(st.lists(st.sampled_from(TARGETS), unique=True))
    return {
        "desired": {t: DESIRED[t] for t in known},
        "digests": {
            t: draw(st.sampled_from([DESIRED[t].digest, "other", ""])) for t in draw(st.sets(st.sampled_from(TARGETS)))
        },
        "unreachable": {c: "refused" for c in draw(st.sets(st.sampled_from(["eu", "us"])))},
        "stale": draw(st.permutations([Target("old", "prod", "eu"), Target("old", "prod", "us")])),
    }


@given(facts(), st.randoms(use_true_random=False), st.booleans())
def test_a_plan_names_every_target_once_and_does_not_depend_on_the_order_of_its_facts(
    given_facts: dict[str, Any], random: Any, remove: bool
) -> None:
    places = [Place(t, "w0") for t in TARGETS]
    clusters = frozenset({"eu", "us", "ap"})
    plan = plan_reconcile("r", Facts(places, clusters=clusters, **given_facts), remove=remove)
    assert [t.target for t in plan.targets] == [*TARGETS, *sorted(given_facts["stale"])]
    shuffled: dict[str, Any] = {}
    for name, value in given_facts.items():
        items = list(value.items()) if isinstance(value, dict) else list(value)
        random.shuffle(items)
        shuffled[name] = dict(items) if isinstance(value, dict) else items
    assert plan_reconcile("r", Facts(places, clusters=clusters, **shuffled), remove=remove) == plan
    assert remove or not plan.having(Action.REMOVE)
