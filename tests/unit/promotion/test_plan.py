from __future__ import annotations

import pytest

from fleet.engine.plan_promotion import (
    also_set_by_environment,
    branch_name,
    cannot_be_undone,
    plan_digest,
    risks,
    title,
)
from fleet.model.promotion import PromotionKind
from fleet.model.release import Pin
from tests.helpers.reconciling import make_fleet
from tests.unit.promotion.plans import BASE, NEW, OLD, config, facts, plan, release, target, thing


def test_a_plan_says_what_it_is_about() -> None:
    found = plan()
    assert found.branch == "fleet/promote/prod/web"
    assert found.pin_path == "environments/prod/apps/web.yaml"
    assert found.title == "Promote web 1.1.0 to prod"
    assert not found.nothing_to_do
    assert found.blocked_by == ()
    assert found.approvals_wanted
    (group,) = found.groups
    assert [t.cluster for t in group.targets] == ["prod-eu", "prod-us"]


@pytest.mark.parametrize("kind", [PromotionKind.RELEASE, PromotionKind.PROMOTION, PromotionKind.ROLLBACK])
def test_branches_and_titles_tell_the_kinds_apart(kind: PromotionKind) -> None:
    verbs = {"release": "Release", "promotion": "Promote", "rollback": "Roll back"}
    assert title(kind, "web", "prod", release()).startswith(verbs[kind.value])
    names = {branch_name(k, "prod", "web") for k in PromotionKind if k is not PromotionKind.MANUAL}
    assert len(names) == 3


def test_a_direct_commit_goes_to_the_protected_branch() -> None:
    assert plan(direct=True, protected="trunk").branch == "trunk"


def test_the_same_release_is_nothing_to_do() -> None:
    assert plan(before=release()).nothing_to_do


def test_clusters_that_change_alike_are_grouped_and_the_largest_group_comes_first() -> None:
    after = {target(c): (config("a", x="2"),) for c in ("a", "b", "c")} | {target("d"): (config("a", x="3"),)}
    before = {t: (config("a", x="1"),) for t in after} | {target("e"): (config("b"),)}
    after[target("e")] = (config("b"),)
    groups = plan(objects_before=before, objects_after=after).groups
    assert [[t.cluster for t in g.targets] for g in groups] == [["a", "b", "c"], ["d"], ["e"]]
    assert groups[-1].changes.empty


def test_the_digest_is_about_what_moves_and_what_it_becomes() -> None:
    same = plan().digest
    assert plan(base="c" * 40).digest == same
    assert plan(gates=()).digest == same
    assert plan(objects_before={}).digest == same
    assert plan(objects_after={target("prod-eu"): (config("a", x="9"),)}).digest != same
    assert plan(after=release("1.1.1")).digest != same
    assert plan(after=release(images={"web": "x"})).digest != same
    assert plan(before=None).digest != same
    assert plan(kind=PromotionKind.ROLLBACK).digest != same


def test_the_digest_does_not_depend_on_order() -> None:
    after = facts().objects_after
    turned = dict(reversed(list(after.items())))
    assert plan_digest(facts(objects_after=after)) == plan_digest(facts(objects_after=turned))


def test_an_older_version_is_warned_of() -> None:
    (warning,) = plan(after=release("0.9.0")).warnings
    assert warning == "0.9.0 is older than 1.0.0, which is there now"


def test_an_older_revision_is_warned_of() -> None:
    (warning,) = plan(backwards=True).warnings
    assert warning == f"revision {NEW[:7]} is older than {OLD[:7]}, which is there now"


def test_what_a_rollback_does_not_bring_back_is_warned_of() -> None:
    after = {
        target("a"): (
            thing("CustomResourceDefinition", "x", "apiextensions.k8s.io/v1", spec={"a": 1}),
            thing("Job", "migrate", "batch/v1"),
        )
    }
    before = {
        target("a"): (
            thing("CustomResourceDefinition", "x", "apiextensions.k8s.io/v1", spec={"a": 2}),
            thing("PersistentVolumeClaim", "data"),
            thing("StatefulSet", "db", "apps/v1"),
        )
    }
    found = plan(kind=PromotionKind.ROLLBACK, objects_before=before, objects_after=after)
    assert [w.partition("`: ")[0] for w in found.warnings] == [
        "cannot be undone: `CustomResourceDefinition/web/x",
        "cannot be undone: `StatefulSet/web/db",
        "cannot be undone: `Job/web/migrate",
        "cannot be undone: `PersistentVolumeClaim/web/data",
    ]
    assert "data is lost" in found.warnings[-1]
    assert cannot_be_undone(plan().groups) == ()


def test_risks_name_their_objects_the_most_frequent_first() -> None:
    before = {target("a"): (config("x"), thing("Namespace", "n"), config("y"))}
    found = risks(plan(objects_before=before, objects_after={target("a"): ()}).groups)
    assert found[0] == ("deletes the ConfigMap", ("ConfigMap/web/x", "ConfigMap/web/y"))
    assert found[1][1] == ("Namespace/web/n",)


def test_a_release_that_renders_nothing_is_warned_of() -> None:
    assert "renders no object" in plan(objects_after={target("a"): ()}).warnings[-1]


def test_a_present_release_that_cannot_be_rendered_is_told() -> None:
    found = plan(objects_before={}, unknown_before=[target("prod-eu")])
    assert "cannot be rendered for `prod-eu`" in found.warnings[0]


def test_promoted_values_that_the_environment_sets_too() -> None:
    fleet = make_fleet({"prod": [["prod-eu"]]})
    pin = Pin(values={"ratings": {"enabled": False}})
    fleet.environments["prod"].pins["web"] = pin  # type: ignore[index]
    found = also_set_by_environment(fleet, "prod", "web", release(values={"ratings.enabled": True, "other": 1}))
    assert found == ("`ratings.enabled` comes with the release; what pin prod/web sets for it has no effect",)


def test_facts_are_kept() -> None:
    assert (plan().base, plan(distance="1 change back").distance) == (BASE, "1 change back")
