from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.reconciling import World, make_fleet


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make worlds: `worlds({"prod": [["eu"], ["us"]]}, apps=["web"])`."""
    made: list[World] = []

    def make(environments: dict[str, list[list[str]]], **options: Any) -> World:
        directory = tmp_path / str(len(made))
        directory.mkdir()
        made.append(World(make_fleet(environments, **options), directory))
        return made[-1]

    yield make
    for world in made:
        world.store.close()
