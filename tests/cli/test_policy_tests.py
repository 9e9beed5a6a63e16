"""`fleet test` as people and CI use it: whole invocations on real repositories."""

# ruff: noqa: E501, S314 - lines of output are as long as they are; the XML is our own

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from inline_snapshot import snapshot

from tests.helpers.fleets import small_fleet
from tests.helpers.git import commit_all, make_repository, write_files
from tests.helpers.invocations import Invocation, invoke

GOOD = """\
scenarios:
  - name: a release that is well in dev goes to prod
    given: {app: web, to: prod, at: 2026-03-04T12:00, observed: all-healthy}
    expect: {merge: true}
"""
FAILING = """\
scenarios:
  - name: prod, as it is meant to be
    given: {app: web, to: prod, at: 2026-03-04T12:00, observed: all-healthy}
    expect:
      merge: true
    steps:
      - name: "50% down, and <locked>"
        at: +1h
        given:
          health: {dev: {status: failed, reason: CrashLoopBackOff}}
        expect:
          passed: [health]
"""
WRONG = GOOD.replace("to: prod", "to: prdo")


class Repository:
    """A fleet with policy tests."""

    def __init__(self, directory: Path) -> None:
        self.root = make_repository(directory, small_fleet(**{"policies/good.yaml": GOOD}))

    def write(self, **files: str) -> None:
        write_files(self.root, {f"policies/{name}.yaml": text for name, text in files.items()})

    def fleet(self, *arguments: str) -> Invocation:
        return invoke("-C", str(self.root), *arguments, hide=self.root)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


def test_everything_is_as_expected(repository: Repository) -> None:
    assert repository.fleet("test").snapshot == snapshot("""\
exit 0
--- stdout
ok    policies/good.yaml:2  a release that is well in dev goes to prod
1 scenario, all as expected
""")


def test_what_is_not_as_expected_is_told_with_its_place_and_the_reason_of_the_gate(repository: Repository) -> None:
    repository.write(failing=FAILING)
    assert repository.fleet("test").snapshot == snapshot("""\
exit 1
--- stdout
FAIL  policies/failing.yaml:2  prod, as it is meant to be
      50% down, and <locked> (2026-03-04 13:00 UTC)
        policies/failing.yaml:12:20  health(dev): expected passed, found failed
          health(dev): dev: failed: CrashLoopBackOff
ok    policies/good.yaml:2  a release that is well in dev goes to prod
2 scenarios: 1 as expected, 1 not
""")


def test_nothing_is_tested_if_a_file_cannot_be_used(repository: Repository) -> None:
    repository.write(failing=FAILING, wrong=WRONG)
    assert repository.fleet("test").snapshot == snapshot("""\
exit 2
--- stdout
policies/wrong.yaml
  3:23    error    FLT-CFG-150  there is no environment `prdo`
          hint: did you mean `prod`?

1 error; nothing was tested
""")


def test_annotations_for_pull_requests(repository: Repository) -> None:
    repository.write(failing=FAILING)
    assert repository.fleet("test", "-o", "github").snapshot == snapshot("""\
exit 1
--- stdout
::error file=policies/failing.yaml,line=12,col=20,title=prod%2C as it is meant to be%2C 50%25 down%2C and <locked>::health(dev): expected passed, found failed%0Ahealth(dev): dev: failed: CrashLoopBackOff
""")
    repository.write(wrong=WRONG)
    assert repository.fleet("test", "-o", "github").snapshot == snapshot("""\
exit 2
--- stdout
::error file=policies/wrong.yaml,line=3,col=23,title=FLT-CFG-150::there is no environment `prdo`%0Ahint: did you mean `prod`?
""")


def test_the_report_as_json(repository: Repository) -> None:
    repository.write(failing=FAILING)
    ended = repository.fleet("test", "-o", "json")
    report = json.loads(ended.out)
    assert (ended.status, report["schema"], report["ok"], report["errors"]) == (1, "fleet.test/v1", False, [])
    assert (report["data"]["held"], report["data"]["broken"]) == (1, 1)
    step = report["data"]["scenarios"][0]["moments"][1]
    assert [failure["location"] for failure in step["failures"]] == [
        {"path": "policies/failing.yaml", "line": 12, "column": 20}
    ]
    assert {gate["name"]: gate["verdict"] for gate in step["gates"]} == {
        "health(dev)": "failed",
        "approvals(prod)": "passed",
    }
    repository.write(wrong=WRONG)
    ended = repository.fleet("test", "-o", "json")
    assert (ended.status, [error["code"] for error in json.loads(ended.out)["errors"]]) == (2, ["FLT-CFG-150"])


def test_a_report_for_ci(repository: Repository, tmp_path: Path) -> None:
    repository.write(failing=FAILING)
    file = tmp_path / "policies.xml"
    ended = repository.fleet("test", "-o", f"junit={file}")
    assert (ended.status, ended.out) == (1, repository.fleet("test").out)
    suites = ElementTree.parse(file).getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    cases = {case.get("classname"): case for case in suites.iter("testcase")}
    failure = cases["policies/failing.yaml"].find("failure")
    assert failure is not None and failure.get("message") == "health(dev): expected passed, found failed"
    assert "50% down, and <locked> (2026-03-04 13:00 UTC)" in (failure.text or "")
    assert cases["policies/good.yaml"].find("failure") is None


def test_a_report_for_ci_tells_files_that_cannot_be_used(repository: Repository) -> None:
    repository.write(wrong=WRONG)
    ended = repository.fleet("test", "-o", "junit")
    error = ElementTree.fromstring(ended.out).find(".//error")
    assert ended.status == 2
    assert error is not None and "policies/wrong.yaml:3:23: FLT-CFG-150" in (error.get("message") or "")


def test_a_report_that_cannot_be_written(repository: Repository) -> None:
    ended = repository.fleet("test", "-o", "junit=/nowhere/at/all.xml")
    assert (ended.status, "cannot be written" in ended.err) == (2, True)


def test_paths_are_those_of_the_directory_that_the_command_works_in(repository: Repository) -> None:
    repository.write(failing=FAILING)
    assert repository.fleet("test", "policies/good.yaml").status == 0
    below = invoke("-C", str(repository.root / "policies"), "test", "good.yaml")
    assert (below.status, "policies/good.yaml:2" in below.out) == (0, True)
    assert repository.fleet("test", str(repository.root / "policies")).status == 1


@pytest.mark.parametrize("path", ["..", "policies/none.yaml", "apps/web/templates"])
def test_paths_without_a_test(repository: Repository, path: str) -> None:
    ended = repository.fleet("test", path)
    assert (ended.status, ended.out) == (2, "")
    assert "FLT-USE-0" in ended.err


def test_a_commit_is_tested_with_the_scenarios_and_policies_that_it_has(repository: Repository) -> None:
    commit_all(repository.root, "tests")
    repository.write(good=GOOD.replace("merge: true", "merge: false"))
    assert repository.fleet("test").status == 1
    assert repository.fleet("test", "--revision", "HEAD").status == 0


def test_the_policy_on_disk_decides(repository: Repository) -> None:
    path = repository.root / "environments/prod/environment.yaml"
    path.write_text(path.read_text() + "policy:\n  approvals: 1\n")
    ended = repository.fleet("test")
    assert (ended.status, "held by approvals(prod)" in ended.out) == (1, True)


def test_a_fleet_that_cannot_be_loaded(repository: Repository) -> None:
    write_files(repository.root, {"fleet.yaml": "naming: shop\n"})
    ended = repository.fleet("test")
    assert (ended.status, "FLT-CFG-030" in ended.err) == (2, True)


@pytest.mark.parametrize("template", ["bookinfo", "minimal"])
def test_a_new_fleet_has_tests_that_hold(tmp_path: Path, template: str) -> None:
    assert invoke("init", str(tmp_path / "shop"), "--template", template).status == 0
    ended = invoke("-C", str(tmp_path / "shop"), "test")
    assert (ended.status, "all as expected" in ended.out) == (0, True)
