"""Conformance: what others do to our objects, and clusters that do not answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import ConflictError
from fleet.model.change import ChangeKind
from fleet.model.declared import EngineSpec
from fleet.model.objects import ObjectRef
from tests.helpers.engine import FLEET, Engine, namespace_for

Make = Callable[..., Engine]


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(space: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space}, "data": data}


def annotated(manifest: dict[str, Any], **annotations: str) -> dict[str, Any]:
    marks = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": marks}}


def test_deleted_object_is_put_back(engine: Make) -> None:
    here, space = engine(), namespace_for("deleted")
    settings = config_map(space, k="1")
    here.apply(namespace(space), settings)
    here.api.delete(ObjectRef.of(settings))
    result = here.apply(namespace(space), settings)
    assert result.operations == {"update": 1, "same": 1}
    (change,) = result.changes.objects
    assert change.kind is ChangeKind.ADDED
    assert here.get(settings)


def test_removed_ownership_label_is_put_back(engine: Make) -> None:
    here, space = engine(), namespace_for("labels")
    settings = config_map(space, k="1")
    here.apply(namespace(space), settings)
    here.api.apply({**settings, "metadata": {**settings["metadata"]}}, manager="fleet", force=True)
    assert "labels" not in (here.get(settings) or {})["metadata"]
    here.apply(namespace(space), settings)
    assert here.api.list("v1", "ConfigMap", labels={"fleet-gitops.io/fleet": FLEET}, namespace=space)


def test_object_that_lost_the_ownership_labels_is_not_deleted(engine: Make) -> None:
    here, space = engine(), namespace_for("foreign")
    settings = config_map(space, k="1")
    here.apply(namespace(space), settings)
    here.api.apply(settings, manager="fleet", force=True)
    result = here.apply(namespace(space))
    assert result.operations == {"same": 1}
    assert result.warnings == (
        f"left `ConfigMap/{space}/settings` alone: it does not carry the ownership labels of `{here.target}`",
    )
    assert here.get(settings) is not None


def test_object_without_owner_is_taken_over(engine: Make) -> None:
    here, space = engine(), namespace_for("adopt")
    here.api.apply(namespace(space), manager="somebody")
    here.api.apply(config_map(space, k="theirs", other="stays"), manager="somebody")
    result = here.apply(namespace(space), config_map(space, k="ours"))
    assert {str(c.ref): c.kind for c in result.changes.objects} == {f"ConfigMap/{space}/settings": ChangeKind.CHANGED}
    assert (here.get(config_map(space)) or {})["data"] == {"k": "ours", "other": "stays"}


def test_object_of_another_target_is_refused(engine: Make) -> None:
    space = namespace_for("two-targets")
    first, second = engine("first"), engine("second", state="other")
    first.apply(namespace(space), config_map(space, k="1"))
    result = second.deploy(config_map(space, k="2"))
    assert result.error == f"`ConfigMap/{space}/settings` belongs to the target `{first.target}`"
    assert "another name" in result.hint
    assert (first.get(config_map(space)) or {})["data"] == {"k": "1"}


def test_declared_fields_win_over_another_manager(engine: Make) -> None:
    here, space = engine(), namespace_for("conflict")
    here.apply(namespace(space), config_map(space, k="1"))
    here.api.apply(config_map(space, k="theirs"), manager="somebody", force=True)
    result = here.apply(namespace(space), config_map(space, k="2"))
    assert result.operations == {"update": 1, "same": 1}
    assert (here.get(config_map(space)) or {})["data"] == {"k": "2"}
    (warning,) = result.warnings
    assert warning.startswith(f"took over fields of `ConfigMap/{space}/settings`")
    assert "somebody" in warning


@pytest.mark.parametrize("preview", [False, True])
def test_conflict_is_an_error_that_names_the_manager_where_force_is_off(engine: Make, preview: bool) -> None:
    here, space = engine(), namespace_for(f"unforced-{preview}")
    settings = annotated(config_map(space, k="1"), patchForce="false")
    here.apply(namespace(space), settings)
    here.api.apply(config_map(space, k="theirs"), manager="somebody", force=True)
    result = here.deploy(namespace(space), settings, preview=preview)
    assert "`somebody`" in result.error or '"somebody"' in result.error
    assert "pulumi.com/patchForce" in result.hint
    assert (here.get(settings) or {})["data"] == {"k": "theirs"}


def test_one_refused_object_does_not_hold_up_the_others(engine: Make) -> None:
    here, space = engine(), namespace_for("partial")
    broken = {**config_map(space, "broken"), "nonsense": True}
    result = here.deploy(namespace(space), broken, config_map(space, "fine", k="1"))
    assert "nonsense" in result.error
    assert [str(o.ref) for o in result.objects] == [f"Namespace/{space}", f"ConfigMap/{space}/fine"]
    assert here.apply(namespace(space), config_map(space, "broken"), config_map(space, "fine", k="1"))


def test_unreachable_cluster_fails_fast_and_keeps_the_state(engine: Make, tmp_path: Path) -> None:
    here, space = engine(), namespace_for("unreachable")
    here.apply(namespace(space), config_map(space, k="1"))
    before = here.deployer.state.file(here.target.stack).read_bytes()
    there = Engine(tmp_path / "state", unreachable(tmp_path), "gone", here.pulumi)
    start = time.monotonic()
    result = there.deploy(namespace(space), config_map(space, k="2"))
    there.close()
    assert result.unreachable
    assert "cannot be reached" in result.error or "refused" in result.error
    assert time.monotonic() - start < 60  # of the 240 that it may take
    assert here.deployer.state.file(here.target.stack).read_bytes() == before


def unreachable(directory: Path) -> Path:
    """Write a kubeconfig for a server that is not there."""
    file = directory / "gone.yaml"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "gone", "user": {"token": "t"}}],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}],
    }
    file.write_text(json.dumps(config))
    return file


def test_older_fencing_token_is_refused(engine: Make) -> None:
    here, space = engine(), namespace_for("fence")
    here.fence = 7
    here.apply(namespace(space))
    here.fence = 6
    with pytest.raises(ConflictError, match="another run took over"):
        here.deploy(namespace(space), config_map(space))


def test_lost_lease_stops_the_run(engine: Make) -> None:
    here, space = engine(), namespace_for("lease")
    lost = threading.Event()
    lost.set()
    with pytest.raises(ConflictError, match="lease"):
        here.deploy(namespace(space), cancel=lost)


def test_lock_of_a_dead_process_is_broken(engine: Make) -> None:
    import socket

    here, space = engine(), namespace_for("lock")
    here.apply(namespace(space))
    locks = here.deployer.state.root / ".pulumi" / "locks" / "organization" / FLEET / here.target.stack
    locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 4194000, "username": "ada", "hostname": socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"}
    (locks / "stale.json").write_text(json.dumps(lock))
    assert here.apply(namespace(space), config_map(space)).operations == {"create": 1, "same": 1}


def test_new_api_version_of_an_object_keeps_the_object(engine: Make) -> None:
    here, space = engine(), namespace_for("versions")
    metadata = {"name": "web", "namespace": space}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    old = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata}
    new = {**old, "apiVersion": "autoscaling/v2", "spec": {"scaleTargetRef": target, "maxReplicas": 3}}
    here.apply(namespace(space), {**old, "spec": {"scaleTargetRef": target, "maxReplicas": 3}})
    before = here.get(new) or {}
    here.apply(namespace(space), new)
    after = here.get(new) or {}
    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert here.apply(namespace(space), new).operations == {"same": 2}


def test_stack_is_removed_with_its_objects(engine: Make) -> None:
    here, space = engine(), namespace_for("remove")
    here.apply(namespace(space), config_map(space))
    assert here.deployer.stacks() == [here.target]
    result = here.remove()
    assert (result.error, result.operations) == ("", {"delete": 2})
    assert here.get(namespace(space)) is None
    assert here.deployer.stacks() == []


def test_deletion_that_a_finalizer_holds_says_so(engine: Make) -> None:
    here, space = engine(), namespace_for("finalizer")
    held = config_map(space, k="1")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    held = annotated(held, timeoutSeconds="1")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    here.apply(namespace(space), held)
    result = here.deploy(namespace(space))
    here.api.apply(config_map(space, k="1"), manager="fleet", force=True)
    assert "`example.com/hold`" in result.error


def test_preview_leaves_no_stack_behind(engine: Make) -> None:
    here, space = engine(), namespace_for("preview")
    here.apply(namespace(space), preview=True)
    assert here.deployer.stacks() == []
    assert here.get(namespace(space)) is None


def test_state_files_are_for_their_owner_only(engine: Make) -> None:
    here, space = engine(), namespace_for("modes")
    here.apply(namespace(space))
    root = here.deployer.state.root
    assert root.stat().st_mode & 0o777 == 0o700
    assert here.deployer.state.file(here.target.stack).stat().st_mode & 0o077 == 0
    assert (here.state / "key").stat().st_mode & 0o777 == 0o600


def test_history_does_not_grow(engine: Make) -> None:
    here, space = engine(), namespace_for("history")
    for number in range(4):
        here.apply(namespace(space), config_map(space, k=str(number)))
    history = here.deployer.state.root / ".pulumi" / "history"
    assert len([file for file in history.rglob("*") if file.is_file()]) <= 4


def test_state_with_a_lost_key_is_rebuilt_from_what_is_live(engine: Make, tmp_path: Path) -> None:
    here, space = engine(), namespace_for("key")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": space},
        "stringData": {"a": "b"},
    }
    here.apply(namespace(space), secret, config_map(space))
    here.deployer.close()
    (here.state / "key").unlink()
    again = engine()
    assert again.apply(namespace(space), secret).operations == {"create": 2, "delete": 1}
    assert again.get(config_map(space)) is None


def test_state_under_a_passphrase_is_rebuilt_under_the_fleets_key(engine: Make) -> None:
    here, space = engine(), namespace_for("passphrase")
    here.apply(namespace(space), config_map(space))
    file = here.deployer.state.file(here.target.stack)
    document = json.loads(file.read_text())
    document["checkpoint"]["latest"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": "v1:AAAA:v1:x:y"}}
    file.write_text(json.dumps(document))
    assert here.apply(namespace(space), config_map(space)).operations == {"create": 2}
    assert here.deployer.state.wrapped_key(here.target.stack)


def test_missing_official_provider_is_a_clear_error(engine: Make, tmp_path: Path) -> None:
    from fleet.adapters.pulumi.deployer import PulumiDeployer
    from fleet.errors import ToolError
    from fleet.ports.deployer import DeployRequest

    here, space = engine(), namespace_for("stock")
    stock = PulumiDeployer(tmp_path / "stock", here.clusters, lambda: here.pulumi, EngineSpec(provider="stock"), FLEET)
    request = DeployRequest(here.desired([namespace(space)]), here.cluster, 30.0, 1)
    with pytest.raises(ToolError, match=r"engine\.provider: stock") as caught:
        stock.deploy(request, lambda _ref, _step: None)
    stock.close()
    assert "provider: resident" in caught.value.hints[0]


def test_work_of_another_provider_is_found_out_by_looking(engine: Make) -> None:
    from fleet.adapters.pulumi.observing import observe_preview, observe_run
    from fleet.adapters.pulumi.outcome import changes_of

    here, space = engine(), namespace_for("observing")
    names = ("kept", "changed", "gone")
    here.apply(namespace(space), *(config_map(space, name, k="1") for name in names))
    held = here.deployer.state.held(here.target.stack)
    wanted = here.desired([namespace(space), config_map(space, "kept", k="1"), config_map(space, "changed", k="2")])
    fresh = here.desired([config_map(space, "fresh", k="1")]).objects

    preview = here.deployer.runtime.open(here.target, here.cluster, (*wanted.objects, *fresh), 30).session
    observe_preview(preview)
    assert {o.ref.name: o.step for o in preview.operations} == {"changed": "update", "fresh": "create"}

    run = here.deployer.runtime.open(here.target, here.cluster, (*wanted.objects, *fresh), 30).session
    for manifest in (wanted.objects[2], *fresh):
        here.api.apply(manifest, manager="other-provider", force=True)
    here.api.delete(ObjectRef.of(config_map(space, "gone")), propagation="Background")
    observe_run(run, held)
    steps = {"changed": "update", "fresh": "create", "gone": "delete"}
    assert {o.ref.name: o.step for o in run.operations} == steps
    assert {c.ref.name: c.kind.value for c in changes_of(run).objects} == {
        "changed": "changed",
        "fresh": "added",
        "gone": "removed",
    }
