"""Real repositories for the tests of the git adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet.adapters.git.repository import GitRepository
from tests.helpers.git import IDENTITY_VARIABLES, clone, make_origin

FILES = {"a.txt": "one\n", "apps/web/app.yaml": "x: 1\n", "apps/web/t/y.j2": "y\n", "apps/webhook/z": "z\n"}


def main_of(repository: GitRepository) -> str:
    """Return the head of main on the remote, as last fetched."""
    head = repository.head_of("main")
    assert head
    return head


@pytest.fixture(autouse=True)
def _identity_of_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path / "origin.git", FILES)


Open = Callable[..., GitRepository]


@pytest.fixture
def open_repository() -> Iterator[Open]:
    """Open repositories that are closed at the end."""
    opened: list[GitRepository] = []

    def open_one(root: Path, *arguments: str) -> GitRepository:
        opened.append(GitRepository(root, *arguments))
        return opened[-1]

    yield open_one
    for repository in opened:
        repository.close()


@pytest.fixture
def root(origin: Path, tmp_path: Path) -> Path:
    return clone(origin, tmp_path / "ada")


@pytest.fixture
def repository(root: Path, open_repository: Open) -> GitRepository:
    return open_repository(root)


@pytest.fixture
def other(origin: Path, tmp_path: Path, open_repository: Open) -> GitRepository:
    """Somebody else's clone."""
    return open_repository(clone(origin, tmp_path / "bob", name="Bob"))
