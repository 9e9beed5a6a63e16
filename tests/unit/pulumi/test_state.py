"""The state directory: stacks, fencing, locks, intents."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.adapters.pulumi import state as module
from fleet.adapters.pulumi.state import StateDirectory
from fleet.errors import ConflictError, DeployError
from fleet.model.names import Target
from fleet.model.objects import ObjectRef

STACK = "web.dev.one"
CONFIG_MAP = ObjectRef("v1", "ConfigMap", "shop", "a")


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    made = StateDirectory(tmp_path / "pulumi", "shop")
    made.prepare()
    return made


def write_state(state: StateDirectory, *resources: dict[str, object]) -> None:
    latest = {"resources": list(resources)}
    document = {"version": 3, "checkpoint": {"stack": f"organization/shop/{STACK}", "latest": latest}}
    state.file(STACK).parent.mkdir(parents=True, exist_ok=True)
    state.file(STACK).write_text(json.dumps(document))


def write_lock(state: StateDirectory, pid: int, host: str | None = None) -> Path:
    file = state.root / ".pulumi" / "locks" / "organization" / "shop" / STACK / "lock.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": pid, "username": "ada", "hostname": host or socket.gethostname()}))
    return file


def test_new_stack_is_listed_and_empty(state: StateDirectory) -> None:
    assert state.stacks() == []
    state.create(STACK)
    assert state.stacks() == [Target("web", "dev", "one")]
    assert state.held(STACK) == []
    assert state.file(STACK).stat().st_mode & 0o777 == 0o600


def test_existing_stack_is_not_overwritten(state: StateDirectory) -> None:
    write_state(state, {"urn": f"urn:pulumi:{STACK}::shop::kubernetes:core/v1:ConfigMap::shop/a"})
    state.create(STACK)
    assert state.held(STACK) == [CONFIG_MAP]


def test_stacks_of_other_people_are_not_ours(state: StateDirectory) -> None:
    state.create("playground")
    assert state.stacks() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"checkpoint": [1]}'])
def test_state_that_cannot_be_read_says_which_file(state: StateDirectory, text: str) -> None:
    state.create(STACK)
    state.file(STACK).write_text(text)
    with pytest.raises(DeployError, match="cannot be read") as caught:
        state.held(STACK)
    assert str(state.file(STACK)) in caught.value.hints[0]


def test_fencing_token_only_grows(state: StateDirectory) -> None:
    state.take(STACK, 3)
    state.take(STACK, 3)
    state.take(STACK, 5)
    with pytest.raises(ConflictError, match="took over"):
        state.take(STACK, 4)


def test_lock_of_a_process_that_is_gone_is_removed(state: StateDirectory) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = write_lock(state, gone.pid)
    state.take(STACK, 1)
    assert not lock.exists()


def test_lock_with_a_number_that_another_program_has_now_is_removed(state: StateDirectory) -> None:
    lock = write_lock(state, os.getpid())  # python, not pulumi
    state.take(STACK, 1)
    assert not lock.exists()


def test_lock_of_another_host_stays_and_names_its_holder(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_WAIT", 0.05)
    lock = write_lock(state, 77, "elsewhere")
    with pytest.raises(ConflictError, match="`ada@elsewhere`") as caught:
        state.take(STACK, 1)
    assert lock.exists()
    assert "fleet pulumi -- cancel" in caught.value.hints[0]


def test_damaged_lock_stays(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOCK_WAIT", 0.05)
    write_lock(state, 77).write_text("{")
    with pytest.raises(ConflictError):
        state.take(STACK, 1)


def test_intent_holds_the_kinds_that_a_stack_does_not_have_yet(state: StateDirectory) -> None:
    state.intend(STACK, [CONFIG_MAP], [CONFIG_MAP])
    assert state.intent(STACK) == []
    state.intend(STACK, [CONFIG_MAP], [])
    state.intend(STACK, [ObjectRef("v1", "Secret", "shop", "s")], [])
    assert {(ref.api_version, ref.kind) for ref in state.intent(STACK)} == {("v1", "ConfigMap"), ("v1", "Secret")}
    state.forget_intent(STACK)
    assert state.intent(STACK) == []


def test_removed_stack_leaves_nothing(state: StateDirectory) -> None:
    state.create(STACK)
    state.take(STACK, 1)
    state.intend(STACK, [CONFIG_MAP], [])
    state.write_settings(STACK, {"secretsprovider": "x"})
    state.remove(STACK)
    assert [file for file in state.root.rglob(f"*{STACK}*") if file.is_file()] == []


def test_history_keeps_the_latest_runs(state: StateDirectory) -> None:
    directory = state.root / ".pulumi" / "history" / "shop" / STACK
    directory.mkdir(parents=True)
    for number in range(5):
        for kind in ("history", "checkpoint"):
            (directory / f"{STACK}-{number}.{kind}.json").write_text("{}")
    state.prune(STACK)
    assert {file.name.split("-")[1][0] for file in directory.iterdir()} == {"3", "4"}


def test_copy_of_a_missing_state_is_empty(state: StateDirectory, tmp_path: Path) -> None:
    other = StateDirectory(tmp_path / "other", "shop")
    write_state(other, {"urn": f"urn:pulumi:{STACK}::shop::kubernetes:core/v1:ConfigMap::shop/a"})
    state.copy_from(other, STACK)
    assert state.held(STACK) == [CONFIG_MAP]
    other.remove(STACK)
    state.copy_from(other, STACK)
    assert state.held(STACK) == []
