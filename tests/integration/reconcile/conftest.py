from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import FleetError
from fleet.model.objects import ObjectRef
from tests.integration.conftest import Kube
from tests.integration.reconcile.world import RealWorld


@pytest.fixture
def real_world(kube: Kube, pulumi_binary: Path, tmp_path: Path) -> Iterator[Callable[..., RealWorld]]:
    """Make a world on the two clusters, in namespaces of its own that are removed at the end."""
    made: list[RealWorld] = []

    def make(**options: Any) -> RealWorld:
        directory = tmp_path / f"world-{len(made)}"
        directory.mkdir()
        prefix = f"rec-{secrets.token_hex(3)}"
        made.append(RealWorld(directory, kube.kubeconfig, pulumi_binary, prefix, contexts=kube.contexts, **options))
        return made[-1]

    yield make
    for world in made:
        for app in next(iter(world.fleet.environments.values())).pins:
            for cluster in world.fleet.clusters:
                with suppress(FleetError):
                    world.reader(cluster).delete(
                        ObjectRef("v1", "Namespace", "", world.namespace(app)), propagation="Background"
                    )
        world.close()
