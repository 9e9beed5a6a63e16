"""The gates `compatibility` and `dependencies` on cases made of a few words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from fleet.engine.gates import compatibility, dependencies
from fleet.engine.gates.case import Case
from fleet.model.declared import AppSpec
from fleet.model.gate import GateResult, Verdict
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release
from tests.unit.promotion.cases import NOW, case, fleet
from tests.unit.promotion.plans import NEW, OLD, release

Words = Mapping[str, Mapping[str, str]]


def spec(provides: Words | None = None, requires: Words | None = None, depends: list[str] | None = None) -> AppSpec:
    return AppSpec.model_validate(
        {"provides": dict(provides or {}), "requires": dict(requires or {}), "dependsOn": depends or []}
    )


def api(name: str, version: str) -> AppSpec:
    return spec({"apis": {name: version}})


def needs(name: str, wanted: str) -> AppSpec:
    return spec(requires={"apis": {name: wanted}})


def made(
    new: AppSpec,
    now: AppSpec | None = None,
    prod: Mapping[str, AppSpec] | None = None,
    staging: Mapping[str, AppSpec] | None = None,
    **more: Any,
) -> Case:
    """Return the promotion of `web` from staging to prod beside other apps; versions in staging are 2.0.0."""
    apps = {"web", *(prod or {}), *(staging or {})}
    pins = {("staging", app): release("2.0.0", NEW) for app in apps}
    specs = {("prod", "web"): new}
    specs |= {("prod", app): one for app, one in (prod or {}).items()}
    specs |= {("staging", app): one for app, one in (staging or {}).items()}
    return case(
        fleet_of=fleet(apps={app: {} for app in sorted(apps)}, pins=pins), specs=specs, specs_before=now, **more
    )


def gate(*arguments: Any, **more: Any) -> GateResult:
    (result,) = compatibility.judge(made(*arguments, **more))
    return result


def test_a_fleet_that_declares_nothing_has_no_such_gate() -> None:
    assert list(compatibility.judge(case())) == []
    assert list(compatibility.judge(made(spec(), prod={"reviews": spec()}))) == []


def test_what_is_required_has_to_be_provided_in_the_environment() -> None:
    found = gate(needs("reviews", "^2"), prod={"reviews": api("reviews", "2.1.0")})
    assert (found.name, found.verdict, found.holds) == ("compatibility(prod)", Verdict.PASSED, "open")
    assert found.reason == "what it requires is provided in `prod`"


def test_a_version_that_does_not_fit_names_both_and_the_promotion_that_would_mend_it() -> None:
    found = gate(
        needs("reviews", "^2"), prod={"reviews": api("reviews", "1.9.0")}, staging={"reviews": api("reviews", "2.0.0")}
    )
    assert found.verdict is Verdict.PENDING
    assert found.reason == "`web` 1.1.0 requires the API `reviews` `^2`, and `reviews` 1.0.0 provides 1.9.0"
    assert found.hint == "fleet promote reviews --to prod"
    assert found.clears == "promotion of `reviews`"


def test_without_a_release_that_fits_it_is_a_no() -> None:
    found = gate(
        needs("reviews", "^3"), prod={"reviews": api("reviews", "1.9.0")}, staging={"reviews": api("reviews", "2.0.0")}
    )
    assert (found.verdict, found.hint) == (Verdict.FAILED, "fleet status -e staging -a reviews")


def test_what_nobody_provides_is_held() -> None:
    found = gate(needs("reviews", "^2"))
    assert found.reason == "`web` 1.1.0 requires the API `reviews` `^2`, and nothing in `prod` provides it"
    assert found.verdict is Verdict.FAILED


def test_what_others_require_has_to_stay() -> None:
    page = {"page": needs("web", "^1")}
    assert gate(api("web", "1.5.0"), api("web", "1.0.0"), page).reason == "it provides what `page` requires"
    found = gate(api("web", "2.0.0"), api("web", "1.0.0"), page, {"page": needs("web", "^1 || ^2")})
    assert found.reason == "`page` 1.0.0 requires the API `web` `^1`, and `web` 1.1.0 provides 2.0.0"
    assert (found.verdict, found.hint) == (Verdict.PENDING, "fleet promote page --to prod")
    gone = gate(spec(), api("web", "1.0.0"), page)
    assert gone.reason == "`page` 1.0.0 requires the API `web` `^1`, and nothing in `prod` provides it"


def test_releases_that_need_each_other_move_together() -> None:
    found = gate(
        spec({"apis": {"web": "2.0.0"}}, {"apis": {"reviews": "^2"}}),
        spec({"apis": {"web": "1.0.0"}}, {"apis": {"reviews": "^1"}}),
        {"reviews": spec({"apis": {"reviews": "1.0.0"}}, {"apis": {"web": "^1"}})},
        {"reviews": spec({"apis": {"reviews": "2.0.0"}}, {"apis": {"web": "^2"}})},
    )
    assert (found.verdict, found.hint) == (Verdict.PENDING, "fleet promote --all --from staging --to prod")


def test_only_the_apps_that_have_to_move_are_named() -> None:
    found = gate(
        needs("reviews", "^2"),
        prod={"reviews": api("reviews", "1.0.0"), "idle": spec(requires={"apis": {"nothing": "*"}})},
        staging={"reviews": api("reviews", "2.0.0"), "idle": spec()},
    )
    assert found.hint == "fleet promote reviews --to prod"


def test_what_a_waiting_release_needs_itself_is_named_too() -> None:
    found = gate(
        needs("reviews", "^2"),
        prod={"reviews": api("reviews", "1.0.0"), "ratings": api("ratings", "1.0.0")},
        staging={
            "reviews": spec({"apis": {"reviews": "2.0.0"}}, {"apis": {"ratings": "^2"}}),
            "ratings": api("ratings", "2.0.0"),
        },
    )
    assert found.hint == "fleet promote ratings reviews --to prod"


def test_what_does_not_fit_already_holds_nothing() -> None:
    broken = {"page": needs("web", "^3")}
    assert gate(api("web", "1.1.0"), api("web", "1.0.0"), broken).verdict is Verdict.PASSED
    assert gate(needs("x", "^2"), needs("x", "^1")).verdict is Verdict.PASSED


def test_of_two_providers_both_have_to_fit() -> None:
    found = gate(needs("x", "^1"), prod={"a": api("x", "1.0.0"), "b": api("x", "2.0.0")})
    assert found.reason == "`web` 1.1.0 requires the API `x` `^1`, and `b` 1.0.0 provides 2.0.0"


def test_an_app_yaml_that_cannot_be_read_is_pending() -> None:
    found = gate(spec(), unread={("prod", "page"): "commit 1111111 is not in this clone"})
    assert found.verdict is Verdict.PENDING
    assert found.reason == "cannot be judged: `page` in `prod`: commit 1111111 is not in this clone"


def test_ranges_of_old_revisions_that_are_none_never_fit() -> None:
    assert gate(needs("x", "two"), prod={"a": api("x", "2.0.0")}).verdict is Verdict.FAILED


# ── schemas ──


def schema(version: str, works_with: str | None = None) -> AppSpec:
    return spec({"schemas": {"orders": version}}, {"schemas": {"orders": works_with}} if works_with else None)


def test_expand_and_contract_pass_step_by_step() -> None:
    steps = [schema("1.0.0", "^1"), schema("1.1.0", ">=1 <3"), schema("2.0.0", ">=1.1 <3"), schema("2.1.0", "^2")]
    for before, after in pairwise(steps):
        assert gate(after, before).verdict is Verdict.PASSED


def test_a_contract_that_the_running_release_does_not_know_is_a_no() -> None:
    found = gate(schema("2.0.0", "^2 || ^1"), schema("1.0.0"))
    assert found.verdict is Verdict.FAILED
    assert found.reason == (
        "`web` 1.0.0 works with the schema `orders` `^1`, and would still run while 1.1.0 has migrated it to 2.0.0"
    )
    assert found.hint == (
        "first promote a release whose `requires.schemas.orders` includes 2.0.0 (expand); then the one that needs it "
        "(contract)"
    )


def test_a_release_has_to_work_with_the_schema_that_is_there() -> None:
    found = gate(schema("3.0.0", "^3"), schema("2.0.0", ">=2 <4"))
    assert found.reason == "`web` 1.1.0 works with the schema `orders` `^3`, and `prod` has it at 2.0.0"
    assert found.hint is not None and "in between" in found.hint


def test_others_have_to_work_with_the_migrated_schema() -> None:
    page = {"page": spec(requires={"schemas": {"orders": "<2"}})}
    found = gate(schema("2.0.0", ">=1 <3"), schema("1.0.0", ">=1 <3"), page)
    assert found.reason == "`page` 1.0.0 requires the schema `orders` `<2`, and `web` 1.1.0 provides 2.0.0"


def entry(version: str, revision: str) -> HistoryEntry:
    return HistoryEntry(
        id="c" * 12,
        kind=PromotionKind.PROMOTION,
        app="web",
        environment="prod",
        after=Release(version=version, revision=revision),
        time=NOW,
    )


def rolled_back(after: AppSpec, before: AppSpec, past: Mapping[str, tuple[str, AppSpec]] | None = None) -> GateResult:
    """Judge a rollback; the past is version → (digit of the revision, app.yaml), newest first."""
    history = [entry(version, digit * 40) for version, (digit, _) in (past or {}).items()]
    specs = {digit * 40: one for digit, one in (past or {}).values()}
    return gate(
        after,
        before,
        kind=PromotionKind.ROLLBACK,
        before=release("1.1.0", NEW),
        after=release("1.0.0", OLD),
        history=history,
        specs_past=specs,
    )


def test_a_rollback_past_a_contract_is_refused_with_how_far_one_can_go() -> None:
    found = rolled_back(
        schema("1.0.0", "^1"),
        schema("2.1.0", "^2"),
        {
            "1.1.0": ("2", schema("2.1.0", "^2")),
            "1.0.5": ("5", schema("2.0.0", ">=1 <3")),
            "1.0.0": ("1", schema("1.0.0", "^1")),
        },
    )
    assert found.verdict is Verdict.FAILED
    assert found.reason == (
        "`web` 1.0.0 works with the schema `orders` `^1`, and `prod` has it at 2.1.0; "
        "a rollback does not undo a migration"
    )
    assert found.hint == "fleet rollback web --env prod --to 1.0.5"


def test_a_second_rollback_still_meets_the_migrated_schema() -> None:
    """The release that runs says 1.1, but one that ran before has migrated the database to 2.0."""
    past = {"1.2.0": ("3", schema("2.0.0", ">=1 <3"))}
    found = rolled_back(schema("1.0.0", "^1"), schema("1.1.0", ">=1 <3"), past)
    assert found.verdict is Verdict.FAILED
    assert found.hint == "go forward instead: mend it in a new release, and promote that: `fleet release web`"


def test_a_rollback_within_what_the_schema_allows_passes() -> None:
    assert rolled_back(schema("1.0.0", ">=1 <3"), schema("2.0.0", ">=1 <3")).verdict is Verdict.PASSED


# ── dependencies ──


def test_what_an_app_depends_on_goes_first() -> None:
    web = spec(depends=["reviews", "ratings"])
    present = made(web, prod={"reviews": spec(), "ratings": spec()})
    (found,) = dependencies.judge(present)
    assert (found.name, found.verdict) == ("dependencies(prod)", Verdict.PASSED)
    absent = case(specs={("prod", "web"): web})
    (held,) = dependencies.judge(absent)
    assert held.verdict is Verdict.PENDING
    assert held.hint == "fleet promote reviews ratings --to prod"
    assert "`web` depends on `ratings`, which has no release in `prod` yet" in held.reason


def test_a_dependency_that_does_not_fit_is_not_there() -> None:
    web = spec(requires={"apis": {"reviews": "^2"}}, depends=["reviews"])
    (found,) = dependencies.judge(made(web, prod={"reviews": api("reviews", "1.0.0")}))
    assert found.verdict is Verdict.PENDING
    assert "provides 1.0.0" in found.reason


def test_a_rollback_waits_for_no_dependency() -> None:
    rollback = case(specs={("prod", "web"): spec(depends=["reviews"])}, kind=PromotionKind.ROLLBACK)
    assert list(dependencies.judge(rollback)) == []
