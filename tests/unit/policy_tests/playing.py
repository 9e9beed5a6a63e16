"""Policy tests without files: scenarios as data, on a fleet of `tests.unit.promotion.cases`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fleet.adapters.config.scenarios import YamlScenarios
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult
from fleet.model.policy_report import MomentResult, PolicyTestReport
from fleet.operations.policy_test import run_policy_tests
from fleet.ports.config import LoadedFleet
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import EntryKind, Tree
from tests.helpers.trees import MemoryTree
from tests.unit.promotion.cases import fleet

GIVEN: dict[str, Any] = {"app": "web", "to": "prod", "at": "2026-03-04T12:00", "observed": "all-healthy"}
"""A promotion from staging on a Wednesday, for which all is well."""


@dataclass
class _Files:
    """A repository and a loader of files in memory, with a fleet that is there already."""

    files: Mapping[str, str | bytes | EntryKind]
    fleet: Fleet

    def work_tree(self) -> Tree:
        return MemoryTree(self.files)

    def load(self, tree: Tree) -> LoadedFleet:
        return LoadedFleet(self.fleet, ())


def run(files: Mapping[str, Any], fleet_of: Fleet | None = None, places: Sequence[str] = ()) -> PolicyTestReport:
    """Return what comes of files of scenarios."""
    world = _Files(files, fleet_of or fleet())
    return run_policy_tests(
        places,
        repository=cast(RepositoryReader, world),
        loader=cast(Any, world),
        scenarios=YamlScenarios(),
        branch="main",
    )


def play(*scenarios: Mapping[str, Any], fleet_of: Fleet | None = None) -> PolicyTestReport:
    """Return what comes of scenarios; JSON is YAML."""
    named = [{"name": f"scenario {number}", **scenario} for number, scenario in enumerate(scenarios)]
    return run({"policies/all.yaml": json.dumps({"scenarios": named})}, fleet_of)


def moment(given: Mapping[str, Any] | None = None, *, fleet_of: Fleet | None = None, **changes: Any) -> MomentResult:
    """Return what the gates say in a scenario of one moment."""
    facts = {**(GIVEN if given is None else given), **changes}
    report = play({"given": facts, "expect": {"refused": False}}, fleet_of=fleet_of)
    assert report.problems == ()
    return report.scenarios[0].moments[0]


def gate(found: MomentResult, kind: str) -> GateResult | None:
    """Return the one gate of a kind; None if there is none."""
    gates = [result for result in found.gates if result.kind == kind]
    assert len(gates) < 2
    return gates[0] if gates else None


def verdict(found: MomentResult, kind: str) -> str | None:
    """Return the verdict of the one gate of a kind."""
    result = gate(found, kind)
    return result.verdict.value if result is not None else None
