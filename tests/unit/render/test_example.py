"""The example fleet whose app is a Pulumi program works as it stands."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.git.repository import GitRepository
from fleet.adapters.render.renderer import JailedRenderer
from fleet.model.names import Target
from fleet.operations.common.desired import desired_states, release_of
from tests.helpers.git import make_repository

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "program"


def test_the_example_loads_and_renders(tmp_path: Path, renderer: JailedRenderer) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "fleet", ignore=shutil.ignore_patterns("__pycache__"))
    repository = GitRepository(make_repository(tmp_path / "fleet"), "origin", "main")
    loader = YamlFleetLoader()
    try:
        tree = repository.tree(repository.resolve("HEAD"))
        loaded = loader.load(tree)
        assert loaded.errors == ()
        assert loaded.fleet is not None
        fleet = replace(loaded.fleet, revision=tree.revision)
        release = release_of(fleet, "dev", "guestbook", repository=repository, loader=loader)
        prod = fleet.environments["prod"].pins["guestbook"].model_copy(update={"release": release})
        found = desired_states(
            fleet,
            tuple(fleet.targets()),
            tree=tree,
            repository=repository,
            loader=loader,
            renderer=renderer,
            pins={("prod", "guestbook"): prod},
        )
    finally:
        repository.close()
    assert found.problems == {}
    dev = found.states[Target("guestbook", "dev", "dev")].objects
    assert [f"{m['kind']}/{m['metadata']['name']}" for m in dev] == [
        "Namespace/guestbook",
        "ConfigMap/guestbook",
        "Service/cache",
        "Service/web",
        "Deployment/cache",
        "Deployment/web",
    ]
    assert dev[1]["data"]["MESSAGE"] == "hello from dev"
    assert dev[5]["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "REDIS_HOST", "value": "cache"}]
    eu, us = (found.states[Target("guestbook", "prod", cluster)].objects for cluster in ("prod-eu", "prod-us"))
    assert (eu[1]["data"]["MESSAGE"], eu[5]["spec"]["replicas"]) == ("hello", 3)
    assert eu.rendered is us.rendered  # type: ignore[attr-defined]
