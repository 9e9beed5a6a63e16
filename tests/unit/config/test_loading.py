"""Which files a command takes as the fleet: on real repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.git.repository import GitRepository
from fleet.errors import ConfigError, ExitCode
from fleet.operations.common.loading import load_fleet
from tests.helpers.fleets import small_fleet
from tests.helpers.git import clone, commit_all, git, make_origin, make_repository, write_files

Opener = Callable[[Path], GitRepository]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Return what opens repositories; they are closed at the end."""
    made: list[GitRepository] = []

    def open_one(root: Path) -> GitRepository:
        made.append(GitRepository(root, "origin", "main"))
        return made[-1]

    yield open_one
    for repository in made:
        repository.close()


def test_the_protected_branch_on_the_remote_is_loaded_by_default(tmp_path: Path, opened: Opener) -> None:
    origin = make_origin(tmp_path / "origin.git", small_fleet())
    ada, bob = clone(origin, tmp_path / "ada"), clone(origin, tmp_path / "bob")
    write_files(bob, {"fleet.yaml": "name: renamed\n"})
    commit_all(bob, "rename")
    git(bob, "push", "--quiet")
    write_files(ada, {"fleet.yaml": "name: local\n"})
    fleet, tree = load_fleet(opened(ada), YamlFleetLoader(), "main")
    assert (fleet.name, fleet.revision) == ("renamed", git(bob, "rev-parse", "HEAD"))
    assert tree.revision == fleet.revision
    assert fleet.origin.startswith("origin/main at ")


def test_without_a_fetch_the_known_state_is_loaded(tmp_path: Path, opened: Opener) -> None:
    origin = make_origin(tmp_path / "origin.git", small_fleet())
    ada, bob = clone(origin, tmp_path / "ada"), clone(origin, tmp_path / "bob")
    write_files(bob, {"fleet.yaml": "name: renamed\n"})
    commit_all(bob, "rename")
    git(bob, "push", "--quiet")
    assert load_fleet(opened(ada), YamlFleetLoader(), "main", fetch=False)[0].name == "shop"


def test_the_work_tree_is_loaded_on_demand(tmp_path: Path, opened: Opener) -> None:
    root = make_repository(tmp_path / "shop", small_fleet())
    write_files(root, {"fleet.yaml": "name: local\n"})
    fleet, _ = load_fleet(opened(root), YamlFleetLoader(), "main", work_tree=True)
    assert (fleet.name, fleet.revision) == ("local", None)
    assert load_fleet(opened(root), YamlFleetLoader(), "main")[0].name == "shop"


def test_a_revision_is_loaded_on_demand(tmp_path: Path, opened: Opener) -> None:
    root = make_repository(tmp_path / "shop", small_fleet())
    write_files(root, {"fleet.yaml": "name: later\n"})
    commit_all(root, "rename")
    assert load_fleet(opened(root), YamlFleetLoader(), "main", revision="HEAD~1")[0].name == "shop"


def test_without_the_protected_branch_the_present_commit_is_loaded(tmp_path: Path, opened: Opener) -> None:
    root = make_repository(tmp_path / "shop", small_fleet())
    git(root, "branch", "--quiet", "--move", "trunk")
    assert load_fleet(opened(root), YamlFleetLoader(), "main")[0].name == "shop"


def test_a_repository_without_fleet_is_told_how_to_get_one(tmp_path: Path, opened: Opener) -> None:
    root = make_repository(tmp_path / "shop")
    with pytest.raises(ConfigError) as caught:
        load_fleet(opened(root), YamlFleetLoader(), "main")
    assert (caught.value.code, caught.value.exit_code) == ("FLT-CFG-002", ExitCode.USAGE)
    assert "fleet init" in caught.value.hints[0]


def test_a_repository_without_commit_is_told_so(tmp_path: Path, opened: Opener) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(tmp_path / "shop"))
    with pytest.raises(ConfigError, match="no commit yet"):
        load_fleet(opened(tmp_path / "shop"), YamlFleetLoader(), "main")


def test_all_errors_are_carried_and_no_warning(tmp_path: Path, opened: Opener) -> None:
    files = small_fleet(**{"clusters/dev.yaml": "access: {}\n", "clusters/prod-eu.yaml": "labels: {}\naccess: 1\n"})
    root = make_repository(tmp_path / "shop", files)
    with pytest.raises(ConfigError) as caught:
        load_fleet(opened(root), YamlFleetLoader(), "main")
    assert [p.code for p in caught.value.problems] == ["FLT-CFG-071", "FLT-CFG-032"]
