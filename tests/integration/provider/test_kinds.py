"""Conformance: the life of an object of each common kind, all of them in one stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.model.change import ChangeKind
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.deployer import DeployResult
from tests.helpers.engine import Engine, namespace_for
from tests.helpers.kinds import KINDS, Kind
from tests.integration.conftest import Kube


@dataclass
class Phase:
    """What one run did, and what was live after it."""

    result: DeployResult
    steps: dict[ObjectRef, str]
    live: dict[str, Manifest | None]


@dataclass
class Life:
    """All phases of one stack's life."""

    namespace: str
    phases: dict[str, Phase]
    state: str

    def step(self, phase: str, kind: Kind) -> str:
        """Return the engine step on the object of a kind; `same` where there was none."""
        return self.phases[phase].steps.get(ObjectRef.of(kind.build(self.namespace)), "same")

    def live(self, phase: str, kind: Kind) -> Manifest:
        """Return the live object of a kind after a phase."""
        live = self.phases[phase].live[kind.name]
        assert live is not None, f"{kind.name} is not live after {phase}"
        return live


def play_life(kube: Kube, pulumi: Path, directory: Path) -> Life:
    """Play the life of one object of each kind: each phase is one run of the engine."""
    namespace = namespace_for("kinds")
    engine = Engine(directory, kube.kubeconfig, kube.contexts[0], pulumi)
    phases: dict[str, Phase] = {}

    def play(phase: str, manifests: Sequence[Manifest], *, preview: bool = False) -> None:
        result = engine.deploy(*manifests, preview=preview)
        live = {kind.name: engine.get(kind.build(namespace)) for kind in KINDS}
        phases[phase] = Phase(result, dict(engine.steps), live)

    created = [kind.build(namespace) for kind in KINDS]
    changed = [kind.build(namespace, 1) for kind in KINDS]
    replaced = [kind.build(namespace, 1, replaced=True) for kind in KINDS]
    try:
        play("preview", created, preview=True)
        play("create", created)
        state = engine.deployer.state.file(engine.target.stack).read_text()
        play("again", created)
        play("preview of change", changed, preview=True)
        play("change", changed)
        for kind in KINDS:
            engine.api.apply(kind.edited(namespace), manager="somebody", force=True)
        play("correct", changed)
        play("preview of replacement", replaced, preview=True)
        play("replace", replaced)
        play("delete", replaced[:1])
    finally:
        engine.remove_quickly()
        engine.close()
    return Life(namespace, phases, state)


def test_life_of_every_common_kind(kube: Kube, pulumi_binary: Path, tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One test, since all kinds share one stack: a run costs the same for one object and for twenty."""
    life = play_life(kube, pulumi_binary, tmp_path)
    for phase, played in life.phases.items():
        with subtests.test("the run succeeds", phase=phase):
            assert (played.result.error, played.result.hint, played.result.unreachable) == ("", "", False)
    for check in (
        preview_says_create_and_makes_nothing,
        create_makes_the_object,
        second_run_does_nothing,
        preview_of_a_change_names_the_field_and_writes_nothing,
        change_updates_the_object_in_place,
        out_of_band_edit_is_corrected_by_a_plain_run,
        only_an_immutable_change_replaces_the_object,
        object_that_is_no_longer_declared_is_deleted,
    ):
        for kind in KINDS:
            with subtests.test(check.__name__.replace("_", " "), kind=kind.name):
                check(life, kind)
    for whole in (second_run_writes_no_object, no_secret_value_leaks, every_declared_object_is_returned_live):
        with subtests.test(whole.__name__.replace("_", " ")):
            whole(life)


def preview_says_create_and_makes_nothing(life: Life, kind: Kind) -> None:
    assert life.step("preview", kind) == "create"
    assert life.phases["preview"].live[kind.name] is None


def create_makes_the_object(life: Life, kind: Kind) -> None:
    assert life.step("create", kind) == "create"
    assert kind.field(life.live("create", kind)) == kind.values[0]


def second_run_does_nothing(life: Life, kind: Kind) -> None:
    assert life.step("again", kind) == "same"


def preview_of_a_change_names_the_field_and_writes_nothing(life: Life, kind: Kind) -> None:
    phase = life.phases["preview of change"]
    ref = ObjectRef.of(kind.build(life.namespace))
    change = next(c for c in phase.result.changes.objects if c.ref == ref)
    assert change.kind is ChangeKind.CHANGED
    assert change.fields
    assert all(str(kind.path[0]) in field.path for field in change.fields)
    assert kind.field(life.live("preview of change", kind)) == kind.values[0]


def change_updates_the_object_in_place(life: Life, kind: Kind) -> None:
    assert life.step("change", kind) == "update"
    before, after = life.live("create", kind), life.live("change", kind)
    assert kind.field(after) == kind.values[1]
    assert before["metadata"]["uid"] == after["metadata"]["uid"]


def out_of_band_edit_is_corrected_by_a_plain_run(life: Life, kind: Kind) -> None:
    assert life.step("correct", kind) == "update"
    assert kind.field(life.live("correct", kind)) == kind.values[1]


def only_an_immutable_change_replaces_the_object(life: Life, kind: Kind) -> None:
    before, previewed, after = (life.live(p, kind) for p in ("correct", "preview of replacement", "replace"))
    expected = "replace" if kind.immutable else "same"
    assert life.step("preview of replacement", kind) == expected
    assert life.step("replace", kind) == expected
    assert before["metadata"]["uid"] == previewed["metadata"]["uid"]
    assert (before["metadata"]["uid"] != after["metadata"]["uid"]) == bool(kind.immutable)


def object_that_is_no_longer_declared_is_deleted(life: Life, kind: Kind) -> None:
    if kind is KINDS[0]:  # the namespace stays
        assert life.step("delete", kind) == "same"
    else:
        assert life.step("delete", kind) == "delete"
        assert life.phases["delete"].live[kind.name] is None


def second_run_writes_no_object(life: Life) -> None:
    assert life.phases["again"].result.operations == {"same": len(KINDS)}
    assert life.phases["again"].result.changes.empty


def no_secret_value_leaks(life: Life) -> None:
    texts = [life.state, *(phase.result.changes.model_dump_json() for phase in life.phases.values())]
    for plain in ("hunter2", "aHVudGVyMi"):
        assert not any(plain in text for text in texts)


def every_declared_object_is_returned_live(life: Life) -> None:
    objects = life.phases["change"].result.objects
    assert [o.ref for o in objects] == [ObjectRef.of(kind.build(life.namespace)) for kind in KINDS]
    assert all(o.live["metadata"]["uid"] for o in objects)
