"""Releases that became healthy are remembered in the ledger, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository
from fleet.adapters.ledger.ledger import GitLedger
from fleet.operations.common.verified import known_healthy
from tests.helpers.git import clone, make_origin
from tests.helpers.promoting import Clock
from tests.helpers.reconciling import World

Worlds = Callable[..., World]
PROD = {"prod": [["eu"], ["us"]]}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[GitLedger]:
    root = clone(make_origin(tmp_path / "origin.git"), tmp_path / "ada")
    repository = GitRepository(root)
    yield GitLedger(repository, Clock(), root / ".fleet" / "ledger.json")
    repository.close()


def versions(ledger: GitLedger, environment: str = "prod", app: str = "web") -> list[str]:
    return [release.version for release in known_healthy(environment, app, ledger=ledger)]


def test_a_release_is_remembered_once_newest_first(worlds: Worlds, ledger: GitLedger) -> None:
    world = worlds(PROD)
    for version in ("1.0.0", "1.1.0", "1.0.0"):
        world.version["web"] = version
        assert world.execute(world.plan(), ledger=ledger).ok
        assert world.execute(world.plan(), ledger=ledger).ok
    assert versions(ledger) == ["1.1.0", "1.0.0"]
    assert versions(ledger, "dev") == []


def test_not_before_all_clusters_are_healthy(worlds: Worlds, ledger: GitLedger) -> None:
    world = worlds(PROD, apps=["api", "web"])
    world.clusters["us"].unready.add("web")
    world.execute(world.plan(), ledger=ledger)
    assert (versions(ledger), versions(ledger, app="api")) == ([], ["1.0.0"])
    world.clusters["us"].heal("web")
    world.execute(world.plan(), ledger=ledger)
    assert versions(ledger) == ["1.0.0"]


def test_a_ledger_that_cannot_be_written_is_a_warning(worlds: Worlds, ledger: GitLedger, tmp_path: Path) -> None:
    world = worlds(PROD)
    (tmp_path / "origin.git").rename(tmp_path / "gone")
    assert world.execute(world.plan(), ledger=ledger).ok
    assert any("could not be recorded in the ledger" in str(event) for event in world.reporter.events)
