"""A renderer with short limits, shared by the tests of this folder: starting its processes takes a moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleet.adapters.render.renderer import JailedRenderer


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JailedRenderer]:
    """Give a renderer whose limits are short enough for tests, and long enough for a busy machine."""
    made = JailedRenderer(
        tmp_path_factory.mktemp("render-cache"), workers=1, cpu_seconds=1.0, program_seconds=(4.0, 60.0)
    )
    yield made
    made.close()
