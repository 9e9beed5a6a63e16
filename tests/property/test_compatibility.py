"""A promotion that the gate lets pass can be taken back: the way back passes too."""

from __future__ import annotations

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from fleet.engine.compatibility import Side, conflicts, later, schema_faults
from fleet.engine.gates import compatibility
from fleet.engine.ranges import satisfies
from fleet.model.declared import AppSpec
from fleet.model.gate import Verdict
from fleet.model.promotion import PromotionKind
from tests.unit.promotion.cases import case, fleet
from tests.unit.promotion.plans import NEW, OLD, release

VERSIONS = st.sampled_from(["1.0.0", "1.1.0", "2.0.0", "2.1.0", "3.0.0"])
RANGES = st.sampled_from(["*", "^1", "^2", "^3", ">=1 <3", ">=2 <4", "1.1.0"])
NAMES = st.sampled_from(["web", "reviews", "orders"])
PROVIDED = st.dictionaries(NAMES, VERSIONS, max_size=2)
REQUIRED = st.dictionaries(NAMES, RANGES, max_size=1)


def _spec(
    apis: dict[str, str], schemas: dict[str, str], of_apis: dict[str, str], of_schemas: dict[str, str]
) -> AppSpec:
    """Return an app that works with the schemas that it provides: `fleet validate` makes sure of it."""
    wanted = {name: text for name, text in of_schemas.items() if satisfies(schemas.get(name, "9.9.9"), text)}
    strange = {name: text for name, text in of_schemas.items() if name not in schemas}
    return AppSpec.model_validate(
        {"provides": {"apis": apis, "schemas": schemas}, "requires": {"apis": of_apis, "schemas": wanted | strange}}
    )


SPECS = st.builds(_spec, PROVIDED, PROVIDED, REQUIRED, REQUIRED)
ONE, TWO = release("1.0.0", OLD), release("1.1.0", NEW)
SHOP = fleet(apps={"web": {}, "reviews": {}, "page": {}})


@settings(max_examples=60)
@given(SPECS, SPECS, st.dictionaries(st.sampled_from(["reviews", "page"]), SPECS))
def test_a_promotion_that_passes_can_be_rolled_back(old: AppSpec, new: AppSpec, others: dict[str, AppSpec]) -> None:
    beside = {("prod", app): spec for app, spec in others.items()}
    sides = [Side(app, "1.0.0", spec) for app, spec in others.items()]
    there = case(
        fleet_of=SHOP,
        before=ONE,
        after=TWO,
        specs={("prod", "web"): new, **beside},
        specs_before=old,
        specs_past={OLD: old},
    )
    back = case(
        fleet_of=SHOP,
        kind=PromotionKind.ROLLBACK,
        before=TWO,
        after=ONE,
        specs={("prod", "web"): old, **beside},
        specs_before=new,
        specs_past={OLD: old, NEW: new},
    )
    assume(not conflicts([*sides, Side("web", "1.0.0", old)]))
    forwards = {result.verdict for result in compatibility.judge(there)}
    backwards = {result.verdict for result in compatibility.judge(back)}
    event(f"{sorted(forwards)} then {sorted(backwards)}")
    if forwards <= {Verdict.PASSED}:
        assert backwards <= {Verdict.PASSED}


@given(SPECS, SPECS)
def test_old_and_new_are_judged_alike_in_both_directions(old: AppSpec, new: AppSpec) -> None:
    """While they run side by side there is no first and second: only the database knows a direction."""
    one, two = Side("web", "1.0.0", old), Side("web", "1.1.0", new)
    if not schema_faults(one, two, {}):
        reached = dict(old.provides.schemas)
        for name, version in new.provides.schemas.items():
            reached[name] = later(version, reached.get(name))
        assert not schema_faults(two, one, reached)
