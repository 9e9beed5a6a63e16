"""Files of scenarios that are wrong: every problem at its place, and nothing is tested."""

from __future__ import annotations

import pytest

from fleet.errors import ExitCode, UsageError
from fleet.ports.tree import EntryKind
from tests.unit.policy_tests.playing import run
from tests.unit.promotion.cases import fleet

SHOP = fleet(
    {
        "prod": {
            "checks": ["build"],
            "gates": [{"name": "smoke", "http": {"url": "https://a.example"}}, {"name": "small", "cel": "true"}],
        }
    }
)
GOOD = "{app: web, to: prod, at: 2026-03-04T12:00, observed: all-healthy}"


def file(given: str = GOOD, expect: str = "{open: true}", more: str = "") -> str:
    return f"scenarios:\n  - name: one\n    given: {given}\n    expect: {expect}\n{more}"


def problems(text: str) -> list[str]:
    """Return the problems of a file; each has to be where a `§` stands in the text, or in its fourth line."""
    report = run({"policies/one.yaml": text.replace("§", "")}, SHOP)
    assert report.scenarios == ()
    place = next(((n, line.index("§") + 1) for n, line in enumerate(text.splitlines(), 1) if "§" in line), (4, 5))
    assert [(p.location.line, p.location.column) for p in report.problems if p.location] == [place]
    return [f"{p.code}: {p.message}: {p.hint}" for p in report.problems]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{§app: wbe, to: prod, at: 2026-03-04}", "FLT-CFG-150: there is no app `wbe`: did you mean `web`?"),
        (
            "{app: web, §to: prdo, at: 2026-03-04}",
            "FLT-CFG-150: there is no environment `prdo`: did you mean `prod`?",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, §from: dve}",
            "FLT-CFG-150: there is no environment `dve`: did you mean `dev`?",
        ),
        (
            "{app: web, to: staging, at: 2026-03-04, §from: prod}",
            "FLT-CFG-153: releases come to `staging` from `dev`, not from `prod`: None",
        ),
        (
            "{app: web, §to: dev, at: 2026-03-04, kind: promotion}",
            "FLT-CFG-153: `dev` is the first environment: nothing is promoted into it: "
            "leave `kind` out, or make it a `release`",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, §kind: hotfix}",
            "FLT-CFG-153: a hotfix passes over an environment: "
            "say from where, with `from`; a promotion from `staging` is no hotfix",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, kind: rollback, §from: dev}",
            "FLT-CFG-153: a rollback comes from no other environment: remove `from`",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, health: {§dev-a: {}}}",
            "FLT-CFG-150: there is no cluster `dev-a` in `staging` and `prod`: "
            "there is `prod-eu`, `prod-us` and `staging`",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, versions: {§prod-euu: '1.30'}}",
            "FLT-CFG-150: there is no cluster `prod-euu`: did you mean `prod-eu`?",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, probes: {§small: {}}}",
            "FLT-CFG-150: there is no gate `small` that asks somebody in the policy of `prod`: there is `smoke`",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, pullRequest: {checks: {§builds: success}}}",
            "FLT-CFG-150: there is no check `builds` in the policy of `prod`: did you mean `build`?",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, locks: [{}, {§cluster: prod-euu}]}",
            "FLT-CFG-150: there is no cluster `prod-euu`: did you mean `prod-eu`?",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, releases: {prod: {§web: {version: 1.0.0}}}}",
            "FLT-CFG-153: what `prod` has of `web` is `before` of the scenario: say it with `before`",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, history: [{§environment: tset, at: -1d, release: {version: 1.0.0}}]}",
            "FLT-CFG-150: there is no environment `tset`: there is `dev`, `prod` and `staging`",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, health: {staging: {§state: failed}}}",
            "FLT-CFG-030: unknown key `state` in `scenarios[0].given.health.staging`: did you mean `status`?",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, health: {staging: {§status: sick}}}",
            "FLT-CFG-033: `scenarios[0].given.health.staging.status` is `sick`; it must be "
            "`healthy`, `progressing`, `failed`, `missing` or `unknown`: None",
        ),
        (
            "{app: web, to: prod, §at: 0001-01-01}",
            "FLT-CFG-035: `0001-01-01` is too far away: times are in the years 1970 to 2999: None",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, §since: -99999d}",
            "FLT-CFG-035: `-99999d` is too far away: times are in the years 1970 to 2999: None",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, objects: [§{kind: Secret, apiVersion: v1}]}",
            "FLT-CFG-035: an object needs the texts `apiVersion`, `kind` and `metadata.name`: None",
        ),
        (
            "{app: web, to: prod, at: 2026-03-04, before: {§version: 1.x}}",
            "FLT-CFG-036: `1.x` is not a semantic version (https://semver.org), like `1.4.2`: None",
        ),
        (
            "{app: web, to: prod, §at: noon}",
            "FLT-CFG-035: `noon` is not a time: write it like `2026-03-04T12:00`: None",
        ),
        (
            "{app: web, to: prod, §at: +1h}",
            "FLT-CFG-035: `+1h` is not a time: write it like `2026-03-04T12:00`: None",
        ),
    ],
)
def test_what_is_given_wrong(given: str, expected: str) -> None:
    assert problems(file(given)) == [expected]


@pytest.mark.parametrize(
    ("expect", "expected"),
    [
        ("{pending: [§haelth]}", "FLT-CFG-151: there is no gate `haelth`: did you mean `health`?"),
        ("{absent: [lock, §smok]}", "FLT-CFG-151: there is no gate `smok`: did you mean `smoke`?"),
        (
            "{only: [§soak(staging]}",
            "FLT-CFG-151: `soak(staging` is no name of a gate: write `soak(staging)`, or `soak`",
        ),
        (
            "{gates: {§soak(stagin): {}}}",
            "FLT-CFG-151: there is no gate `soak(stagin)`, as there is no environment `stagin`: "
            "did you mean `staging`?",
        ),
        (
            "{}",
            "FLT-CFG-035: `expect` expects nothing; say for example `open: true`, or `pending: [soak]`: None",
        ),
    ],
)
def test_what_is_expected_wrong(expect: str, expected: str) -> None:
    assert problems(file(expect=expect)) == [expected]


def test_problems_of_all_files_are_told_together() -> None:
    twice = file() + "  - name: one\n    given: {app: web, to: prod, at: 2026-03-04}\n"
    report = run(
        {
            "policies/a.yaml": "scenarios: []\n",
            "policies/b/b.yaml": file() + "  - name: one\n    given: " + GOOD + "\n    expect: {open: true}\n",
            "policies/c.yaml": twice,
            "policies/d.yaml": "- 1\n",
            "policies/e.yaml": file(),
            "policies/.hidden.yaml": "x",
            "policies/notes.md": "x",
        },
        SHOP,
    )
    assert report.scenarios == ()
    assert [f"{p.location}: {p.message}" for p in report.problems] == [
        "policies/a.yaml:1:1: `scenarios` is empty, so nothing is tested",
        "policies/b/b.yaml:5:5: there are two scenarios `one`",
        "policies/c.yaml:5:5: the scenario `one` expects nothing; it needs `expect` or `steps`",
        "policies/d.yaml:1:1: the top level is a list, not a mapping",
    ]


def test_links_are_not_followed() -> None:
    report = run({"policies/one.yaml": EntryKind.SYMLINK}, SHOP)
    assert [problem.code for problem in report.problems] == ["FLT-CFG-005"]


@pytest.mark.parametrize(("files", "code"), [({}, "FLT-USE-030"), ({"policies/notes.md": "x"}, "FLT-USE-031")])
def test_a_fleet_without_scenarios_is_not_taken_for_a_good_one(files: dict[str, str], code: str) -> None:
    with pytest.raises(UsageError) as error:
        run({"fleet.yaml": "", **files}, SHOP)
    assert (error.value.code, error.value.exit_code) == (code, ExitCode.USAGE)


def test_only_what_is_named_is_tested() -> None:
    files = {"policies/a.yaml": file(), "policies/b.yaml": file(), "elsewhere/c.yaml": file()}
    found = run(files, SHOP, ["policies/b.yaml", "elsewhere", "policies/b.yaml"])
    assert [one.location.path for one in found.scenarios] == ["elsewhere/c.yaml", "policies/b.yaml"]
