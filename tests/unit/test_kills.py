"""That a test kills the process at every failpoint. The table says where; what those tests say is held against it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet.failpoints import NAMES

TESTS = Path(__file__).resolve().parents[1]
KILLED_IN: Mapping[str, tuple[str, ...]] = {
    "cli/test_releases.py": ("promote.", "release."),
    "contract/test_local_forge.py": ("forge.",),
    "integration/probes/test_jobs.py": ("probe.",),
    "integration/provider/test_kills.py": ("engine.", "provider."),
    "integration/reconcile/test_migrations.py": ("migration.",),
    "integration/reconcile/test_real.py": ("reconcile.",),
    "unit/ledger/test_git_ledger.py": ("ledger.",),
    "unit/promotion/test_races.py": ("promote.", "forge.", "ledger.", "release."),
    "unit/promotion/test_rollback_aftercare.py": ("restrictions.", "forge.", "promote."),
    "unit/promotion/test_trains.py": ("train.",),
    "unit/restrictions/test_store.py": ("restrictions.",),
}
"""Module of tests, and the families of failpoints that it kills at."""


def parameters(path: Path) -> Iterator[str]:
    """Yield the texts that the tests of a module are parametrized with, without the number of the pass."""
    name = "tests." + ".".join(path.relative_to(TESTS).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for test in vars(module).values():
        for mark in getattr(test, "pytestmark", ()):
            if mark.name == "parametrize":
                yield from _texts(mark.args[1])


def _texts(values: Any) -> Iterator[str]:
    for value in values:
        given = value.values if hasattr(value, "values") and hasattr(value, "marks") else value
        for one in given if isinstance(given, (tuple, list)) else [given]:
            if isinstance(one, str):
                yield one.partition(":")[0]


@pytest.fixture(scope="module")
def killed() -> dict[str, frozenset[str]]:
    """Failpoints that each module kills at."""
    return {module: NAMES & set(parameters(TESTS / module)) for module in KILLED_IN}


def test_some_test_kills_at_every_failpoint(killed: dict[str, frozenset[str]]) -> None:
    assert frozenset[str]().union(*killed.values()) == NAMES


@pytest.mark.parametrize("module", KILLED_IN)
def test_the_table_tells_the_families_that_a_module_kills_at(killed: dict[str, frozenset[str]], module: str) -> None:
    assert {f"{name.partition('.')[0]}." for name in killed[module]} == set(KILLED_IN[module])


def test_every_module_that_sets_a_failpoint_is_in_the_table() -> None:
    own = {"unit/test_failpoints.py", "unit/test_kills.py"}
    found = {str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py") if "FLEET_FAILPOINT" in path.read_text()}
    assert found - own <= KILLED_IN.keys()
