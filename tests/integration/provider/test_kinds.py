"""Conformance: the life of an object of each common kind, all of them in one stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.model.change import ChangeKind
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.deployer import DeployResult
from tests.helpers.engine import Engine, namespace_for
from tests.helpers.kinds import KINDS, Kind
from tests.integration.conftest import Kube

PHASES = (
    "preview",
    "create",
    "again",
    "preview of change",
    "change",
    "correct",
    "preview of replacement",
    "replace",
    "delete",
)
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
with_immutable = pytest.mark.parametrize("kind", [k for k in KINDS if k.immutable], ids=lambda kind: kind.name)


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


@pytest.fixture(scope="module")
def life(kube: Kube, pulumi_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Play the life of one object of each kind: each phase is one run of the engine."""
    namespace = namespace_for("kinds")
    engine = Engine(tmp_path_factory.mktemp("kinds"), kube.kubeconfig, kube.contexts[0], pulumi_binary)
    phases: dict[str, Phase] = {}

    def play(phase: str, manifests: Sequence[Manifest], *, preview: bool = False) -> None:
        result = engine.deploy(*manifests, preview=preview)
        live = {kind.name: engine.get(kind.build(namespace)) for kind in KINDS}
        phases[phase] = Phase(result, dict(engine.steps), live)

    created = [kind.build(namespace) for kind in KINDS]
    changed = [kind.build(namespace, 1) for kind in KINDS]
    replaced = [kind.build(namespace, 1, replaced=True) for kind in KINDS]
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
    yield Life(namespace, phases, state)
    engine.remove_quickly()
    engine.close()


@pytest.mark.parametrize(
    "phase",
    [
        "preview",
        "create",
        "again",
        "preview of change",
        "change",
        "correct",
        "preview of replacement",
        "replace",
        "delete",
    ],
)
def test_every_run_succeeds(life: Life, phase: str) -> None:
    result = life.phases[phase].result
    assert (result.error, result.hint, result.unreachable) == ("", "", False)


@by_kind
def test_preview_says_create_and_makes_nothing(life: Life, kind: Kind) -> None:
    assert life.step("preview", kind) == "create"
    assert life.phases["preview"].live[kind.name] is None


@by_kind
def test_create_makes_the_object(life: Life, kind: Kind) -> None:
    assert life.step("create", kind) == "create"
    assert kind.field(life.live("create", kind)) == kind.values[0]


@by_kind
def test_second_run_does_nothing(life: Life, kind: Kind) -> None:
    assert life.step("again", kind) == "same"


def test_second_run_writes_no_object(life: Life) -> None:
    assert life.phases["again"].result.operations == {"same": len(KINDS)}
    assert life.phases["again"].result.changes.empty


@by_kind
def test_preview_of_a_change_names_the_field_and_writes_nothing(life: Life, kind: Kind) -> None:
    phase = life.phases["preview of change"]
    ref = ObjectRef.of(kind.build(life.namespace))
    change = next(c for c in phase.result.changes.objects if c.ref == ref)
    assert change.kind is ChangeKind.CHANGED
    assert change.fields
    assert all(str(kind.path[0]) in field.path for field in change.fields)
    assert kind.field(life.live("preview of change", kind)) == kind.values[0]


@by_kind
def test_change_updates_the_object_in_place(life: Life, kind: Kind) -> None:
    assert life.step("change", kind) == "update"
    before, after = life.live("create", kind), life.live("change", kind)
    assert kind.field(after) == kind.values[1]
    assert before["metadata"]["uid"] == after["metadata"]["uid"]


@by_kind
def test_out_of_band_edit_is_corrected_by_a_plain_run(life: Life, kind: Kind) -> None:
    assert life.step("correct", kind) == "update"
    assert kind.field(life.live("correct", kind)) == kind.values[1]


@with_immutable
def test_immutable_change_replaces_the_object(life: Life, kind: Kind) -> None:
    assert life.step("replace", kind) == "replace"
    assert life.live("correct", kind)["metadata"]["uid"] != life.live("replace", kind)["metadata"]["uid"]


@with_immutable
def test_preview_of_an_immutable_change_says_replace(life: Life, kind: Kind) -> None:
    assert life.step("preview of replacement", kind) == "replace"
    assert life.live("correct", kind)["metadata"]["uid"] == life.live("preview of replacement", kind)["metadata"]["uid"]


@pytest.mark.parametrize("kind", [k for k in KINDS if not k.immutable], ids=lambda kind: kind.name)
def test_what_did_not_change_is_not_replaced_along(life: Life, kind: Kind) -> None:
    assert life.step("replace", kind) == "same"


@pytest.mark.parametrize("kind", KINDS[1:], ids=lambda kind: kind.name)
def test_object_that_is_no_longer_declared_is_deleted(life: Life, kind: Kind) -> None:
    assert life.step("delete", kind) == "delete"
    assert life.phases["delete"].live[kind.name] is None


def test_no_secret_value_is_in_the_state(life: Life) -> None:
    for plain in ("hunter2", "aHVudGVyMi"):
        assert plain not in life.state


def test_no_secret_value_is_in_a_result(life: Life) -> None:
    for phase in life.phases.values():
        assert "hunter2" not in phase.result.changes.model_dump_json()
        assert "aHVudGVyMi" not in phase.result.changes.model_dump_json()


def test_every_declared_object_is_returned_with_its_live_body(life: Life) -> None:
    objects = life.phases["change"].result.objects
    assert [o.ref for o in objects] == [ObjectRef.of(kind.build(life.namespace)) for kind in KINDS]
    assert all(o.live["metadata"]["uid"] for o in objects)
