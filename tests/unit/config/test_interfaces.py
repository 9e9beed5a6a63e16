from __future__ import annotations

import pytest

from fleet.adapters.config.codes import CODES
from fleet.adapters.config.loader import YamlFleetLoader
from tests.helpers.fleets import REVISION, small_fleet
from tests.helpers.trees import MemoryTree

WEB = "apps/web/app.yaml"
REVIEWS = "apps/reviews/app.yaml"
HEAD = "namespace: web\nimages: {web: 'registry.example/web:1.0.0'}\nvalues: {ratings: {enabled: true}}\n"
PIN = f"release:\n  version: 1.0.0\n  revision: {REVISION}\n"


def problems(web: str, reviews: str | None = None, *, pinned: bool = True) -> list[str]:
    """Return what is wrong with a fleet of `web` and `reviews`; both run in dev and prod."""
    files: dict[str, str | None] = {WEB: HEAD + web}
    files |= {f"environments/{e}/apps/web.yaml": PIN for e in ("dev", "prod")}
    if reviews is not None:
        files |= {REVIEWS: "namespace: web\n" + reviews, "apps/reviews/templates/a.yaml.j2": "kind: A\n"}
        files |= {f"environments/{e}/apps/reviews.yaml": PIN for e in ("dev", "prod") if pinned}
    loaded = YamlFleetLoader().load(MemoryTree(small_fleet(**files)))
    for problem in loaded.problems:
        assert problem.code in CODES
    return [f"{p.severity[0].upper()} {p.code} {p.location}: {p.message}" for p in loaded.problems]


def test_versions_and_ranges_that_fit_are_no_problem() -> None:
    assert (
        problems(
            "requires: {apis: {reviews: '>=2.0 <3'}, schemas: {orders: '^1'}}\n"
            "provides: {apis: {web: 1.0.0}}\ndependsOn: [reviews]\n",
            "provides: {apis: {reviews: 2.1.0}, schemas: {orders: 1.4.0}}\nrequires: {apis: {web: '*'}}\n",
        )
        == []
    )


CASES = {
    "a version that is none": (
        ("provides:\n  apis:\n    web: '2.1'\n", None),
        [f"E FLT-CFG-036 {WEB}:6:5: the version `2.1` of the API `web` is not a semantic version"],
    ),
    "a range that is none": (
        ("requires:\n  schemas: {orders: 'two'}\n", "provides: {schemas: {orders: 2.0.0}}\n"),
        [
            f"E FLT-CFG-090 {WEB}:5:13: what is required of the schema `orders`: `two` is not a range of versions, "
            "like `^2.1`, `>=2.0 <3` or `1.x || 2.x`"
        ],
    ),
    "what nobody provides": (
        ("requires:\n  apis:\n    review: '^2'\n", "provides: {apis: {reviews: 2.0.0}}\n"),
        [f"E FLT-CFG-091 {WEB}:6:5: no app provides the API `review`, which `web` requires"],
    ),
    "a version that is not there yet": (
        ("requires: {apis: {reviews: '^3'}}\n", "provides: {apis: {reviews: 2.0.0}}\n"),
        [f"W FLT-CFG-095 {WEB}:4:19: `web` requires the API `reviews` `^3`, and the newest is that of `reviews` 2.0.0"],
    ),
    "two providers": (
        ("provides: {apis: {x: 1.0.0}}\n", "provides: {apis: {x: 1.0.0}}\n"),
        [f"E FLT-CFG-092 {WEB}:4:19: `reviews` and `web` both provide the API `x` in `dev`, `prod`"],
    ),
    "a schema that the app does not work with itself": (
        ("provides: {schemas: {orders: 2.0.0}}\nrequires: {schemas: {orders: '^1'}}\n", None),
        [
            f"E FLT-CFG-096 {WEB}:5:22: `web` provides the schema `orders` 2.0.0, and does not work with it: "
            "it requires `^1`"
        ],
    ),
    "migrations that lead nowhere": (
        (
            "provides: {schemas: {orders: 2.0.0}}\nmigrations:\n"
            "  - {job: a, schema: order, version: 2.0.0}\n"
            "  - {job: b, schema: orders, version: 3.0.0}\n"
            "  - {job: b, schema: orders, version: 2.0.0}\n"
            "  - {job: c, schema: orders, version: '2'}\n",
            None,
        ),
        [
            f"E FLT-CFG-097 {WEB}:6:14: migration `a`: the app provides no schema `order`",
            f"E FLT-CFG-097 {WEB}:7:30: migration `b`: it leads to 3.0.0, and `provides.schemas.orders` is only 2.0.0",
            f"E FLT-CFG-097 {WEB}:8:6: migration `b`: the Job `b` is that of another migration",
            f"E FLT-CFG-097 {WEB}:9:30: migration `c`: `2` is not a semantic version",
        ],
    ),
    "a circle": (
        ("dependsOn: [reviews]\n", "dependsOn:\n  - web\n"),
        [f"E FLT-CFG-093 {REVIEWS}:3:5: apps depend on each other in a circle: `reviews` → `web` → `reviews`"],
    ),
    "an app that depends on itself": (
        ("dependsOn: [web]\n", None),
        [f"E FLT-CFG-093 {WEB}:4:13: apps depend on each other in a circle: `web` → `web`"],
    ),
    "a dependency that is not there": (
        ("dependsOn: [review]\n", "values: {}\n"),
        [f"E FLT-CFG-094 {WEB}:4:13: `web` depends on `review`, which is not declared"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_told_with_its_place(case: str) -> None:
    (web, reviews), expected = CASES[case]
    assert problems(web, reviews) == expected


def test_two_providers_that_never_meet_are_fine() -> None:
    provides = "provides: {apis: {x: 1.0.0}}\n"
    assert problems(provides, provides, pinned=False) == []


def test_a_broken_file_may_be_the_provider() -> None:
    found = problems("requires: {apis: {reviews: '^2'}}\n", "provides: [\n")
    assert [line.split()[1] for line in found] == ["FLT-CFG-010"]
