"""Conformance over a directory of real manifest sets (`FLEET_CORPUS`).

Each set applies, applies again without a change, and one edited field changes one object. Several sets share a stack: a
run costs the same for one object and for a hundred.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleet.model.change import ChangeKind
from fleet.model.objects import ObjectRef
from tests.helpers.engine import Engine
from tests.helpers.manifest_sets import load_set, with_one_edit
from tests.integration.conftest import Kube

CORPUS = Path(os.environ.get("FLEET_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
SETS = sorted(CORPUS.glob("*.yaml"))
SETS_PER_STACK = 10
NUMBERS = range(0, len(SETS), SETS_PER_STACK)


@pytest.mark.skipif(not SETS, reason="no directory of manifest sets (set FLEET_CORPUS)")
@pytest.mark.parametrize("first", NUMBERS or [0], ids=lambda first: f"sets-from-{first}")
def test_real_manifest_sets(
    kube: Kube, pulumi_binary: Path, tmp_path: Path, first: int, subtests: pytest.Subtests
) -> None:
    engine = Engine(tmp_path, kube.kubeconfig, kube.contexts[1], pulumi_binary)

    def namespaced(api_version: str, kind: str) -> bool | None:
        found = engine.api.kind(api_version, kind)
        return None if found is None else found.namespaced

    files = SETS[first : first + SETS_PER_STACK]
    sets = {f.stem: load_set(f, f"c{os.getpid()}-{first + i}", namespaced) for i, f in enumerate(files)}
    edits = {name: with_one_edit(objects) for name, objects in sets.items()}
    before = [manifest for objects in sets.values() for manifest in objects]
    after = [manifest for objects, _ in edits.values() for manifest in objects]
    for manifest in before:  # names that cannot be made unique: left by a run that was interrupted
        if manifest["kind"] == "CustomResourceDefinition" and engine.get(manifest) is not None:
            engine.api.delete(ObjectRef.of(manifest))
    try:
        applied = engine.deploy(*before, timeout=120)
        again = engine.deploy(*before, timeout=120)
        steps_again = {ref for ref, _ in engine.steps}
        edited = engine.deploy(*after, timeout=120)
    finally:
        engine.remove_quickly()
        engine.close()

    assert [result.error for result in (applied, again, edited)] == ["", "", ""]
    for name, objects in sets.items():
        refs = {ObjectRef.of(manifest) for manifest in objects}
        with subtests.test("applies", set=name):
            assert refs <= {deployed.ref for deployed in applied.objects}
        with subtests.test("applies again without a change", set=name):
            assert not refs & steps_again
        with subtests.test("one edited field changes one object", set=name):
            changes = [change for change in edited.changes.objects if change.ref in refs]
            assert [(c.ref, c.kind) for c in changes] == [(ObjectRef.of(edits[name][1]), ChangeKind.CHANGED)]
            assert [field.path for field in changes[0].fields] in (["metadata.labels.edited"], ["metadata.labels"])
