"""Conformance over a directory of real manifest sets (`FLEET_CORPUS`).

Each set applies, applies again without a change, and one edited field changes one object. Several sets share a stack: a
run costs the same for one object and for a hundred.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleet.model.change import ChangeKind
from fleet.model.objects import ObjectRef
from fleet.ports.deployer import DeployResult
from tests.helpers.engine import Engine
from tests.helpers.manifest_sets import load_set, with_one_edit
from tests.integration.conftest import Kube

CORPUS = Path(os.environ.get("FLEET_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
SETS = sorted(CORPUS.glob("*.yaml"))
SETS_PER_STACK = 10
pytestmark = pytest.mark.skipif(not SETS, reason="no directory of manifest sets (set FLEET_CORPUS)")


@dataclass
class Outcome:
    """One set, and the three runs of the stack that it was part of."""

    objects: list[dict[str, Any]]
    edited: ObjectRef
    results: dict[str, DeployResult]
    steps: dict[str, dict[ObjectRef, str]]

    @property
    def refs(self) -> set[ObjectRef]:
        """Objects of this set."""
        return {ObjectRef.of(manifest) for manifest in self.objects}


@pytest.fixture(scope="module")
def outcomes(kube: Kube, pulumi_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Play all sets, two stacks at a time."""
    root = tmp_path_factory.mktemp("corpus")

    def play(number: int) -> dict[str, Outcome]:
        engine = Engine(root / f"state{number}", kube.kubeconfig, kube.contexts[1], pulumi_binary)

        def namespaced(api_version: str, kind: str) -> bool | None:
            found = engine.api.kind(api_version, kind)
            return None if found is None else found.namespaced

        files = SETS[number : number + SETS_PER_STACK]
        sets = {f.stem: load_set(f, f"c{os.getpid()}-{number + i}", namespaced) for i, f in enumerate(files)}
        edits = {name: with_one_edit(objects) for name, objects in sets.items()}
        before = [manifest for objects in sets.values() for manifest in objects]
        after = [manifest for objects, _ in edits.values() for manifest in objects]
        results: dict[str, DeployResult] = {}
        steps: dict[str, dict[ObjectRef, str]] = {}
        for run, objects in (("apply", before), ("again", before), ("edit", after)):
            results[run] = engine.deploy(*objects, timeout=120)
            steps[run] = dict(engine.steps)
        engine.remove_quickly()
        engine.close()
        return {name: Outcome(objects, ObjectRef.of(edits[name][1]), results, steps) for name, objects in sets.items()}

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(play, range(0, len(SETS), SETS_PER_STACK)))
    yield {name: outcome for part in parts for name, outcome in part.items()}


by_set = pytest.mark.parametrize("name", [file.stem for file in SETS])


@by_set
def test_set_applies(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    result = outcome.results["apply"]
    assert (result.error, result.hint) == ("", "")
    assert outcome.refs <= {deployed.ref for deployed in result.objects}


@by_set
def test_set_applies_again_without_a_change(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert outcome.results["again"].error == ""
    assert not outcome.refs & outcome.steps["again"].keys()


@by_set
def test_one_edited_field_changes_one_object(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert outcome.results["edit"].error == ""
    changes = [change for change in outcome.results["edit"].changes.objects if change.ref in outcome.refs]
    assert [(change.ref, change.kind) for change in changes] == [(outcome.edited, ChangeKind.CHANGED)]
    (field,) = changes[0].fields
    assert field.path in ("metadata.labels.edited", "metadata.labels")
