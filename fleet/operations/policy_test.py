"""Puts the scenarios of policy tests before the gates, and compares what these say with what is expected."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.engine.codeowners import PLACES
from fleet.engine.expectations import mismatches
from fleet.engine.scenario_review import judge
from fleet.engine.scenarios import Keys, Moment, moments
from fleet.errors import ConfigError, ExitCode, UsageError
from fleet.model.fleet import Fleet
from fleet.model.moments import resolve
from fleet.model.policy_report import Failure, MomentResult, PolicyTestReport, ScenarioResult
from fleet.model.policy_test import ScenarioSpec
from fleet.operations.common.loading import load_fleet
from fleet.ports.config import FleetLoader
from fleet.ports.policy_tests import ScenarioFile, ScenarioReader
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import EntryKind, Tree

DEFAULT_PLACE = "policies"
NO_SCENARIO = "FLT-USE-031"


def run_policy_tests(
    places: Sequence[str] = (),
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    scenarios: ScenarioReader,
    branch: str,
    revision: str | None = None,
) -> PolicyTestReport:
    """Return what came of all scenarios. Nothing is tested where a file cannot be used: the report has the problems.

    Args:
        places: files and directories of the repository; none: `policies/`.
        repository: where fleet and scenarios are.
        loader: reads the fleet.
        scenarios: reads the scenarios.
        branch: the protected branch.
        revision: read both at this commit instead of from the files on disk.

    Raises:
        ConfigError: the fleet cannot be loaded.
        UsageError: there is no scenario.
        GitError: there is no such revision.
    """
    try:
        fleet, tree = load_fleet(repository, loader, branch, revision=revision, work_tree=revision is None, fetch=False)
    except ConfigError as error:
        error.exit_code = ExitCode.USAGE
        raise
    read = scenarios.read(tree, fleet, tuple(places) or (DEFAULT_PLACE,))
    report = PolicyTestReport(origin=tree.origin, revision=tree.revision)
    if read.problems:
        return report.model_copy(update={"problems": read.problems})
    if not read.files:
        raise UsageError("there is no scenario to test", code=NO_SCENARIO, hints=("fleet schema policy-test",))
    owners = _codeowners(tree)
    found = tuple(result for file in read.files for result in _results(file, fleet, owners))
    held = sum(1 for result in found if result.ok)
    return report.model_copy(update={"scenarios": found, "held": held, "broken": len(found) - held})


def _results(file: ScenarioFile, fleet: Fleet, owners: str) -> list[ScenarioResult]:
    return [
        _result(file, ("scenarios", number), scenario, fleet, owners)
        for number, scenario in enumerate(file.content.scenarios)
    ]


def _result(file: ScenarioFile, keys: Keys, scenario: ScenarioSpec, fleet: Fleet, owners: str) -> ScenarioResult:
    return ScenarioResult(
        name=scenario.name,
        location=file.locate(keys),
        app=scenario.given.app,
        environment=scenario.given.to,
        moments=tuple(_moment(file, keys, moment, fleet, owners) for moment in moments(scenario)),
    )


def _moment(file: ScenarioFile, keys: Keys, moment: Moment, fleet: Fleet, owners: str) -> MomentResult:
    judged = judge(moment, fleet, owners)
    failures = tuple(
        Failure(
            location=file.locate((*keys, *moment.keys, *wrong.keys)),
            what=wrong.what,
            expected=wrong.expected,
            found=wrong.found,
            reasons=wrong.reasons,
        )
        for wrong in mismatches(moment.expect, judged, resolve(moment.given.at))
    )
    return MomentResult(
        name=moment.name,
        at=moment.now,
        open=judged.open,
        merge=judged.merge,
        gates=judged.gates,
        refused=judged.refused,
        failures=failures,
    )


def _codeowners(tree: Tree) -> str:
    """Return the file that says who owns what; empty if there is none."""
    for place in PLACES:
        if any(entry.path == place and entry.kind is EntryKind.FILE for entry in tree.entries(place)):
            return tree.read(place).decode("utf-8", "replace")
    return ""
