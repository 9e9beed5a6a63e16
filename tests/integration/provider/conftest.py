"""Engines on a real cluster, each with a state directory and namespaces of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fleet.errors import FleetError
from tests.helpers.engine import Engine
from tests.integration.conftest import Kube


@pytest.fixture
def engine(
    kube: Kube, pulumi_binary: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Engine]]:
    """Return a function that makes engines; what their stacks hold at the end is removed."""
    made: list[Engine] = []

    def make(app: str = "app", context: int = 0, state: str = "state") -> Engine:
        engine = Engine(tmp_path / state, kube.kubeconfig, kube.contexts[context], pulumi_binary, app)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        with suppress(FleetError):
            engine.remove_quickly()
        engine.close()
