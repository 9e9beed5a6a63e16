"""kill -9 of the fleet process at each external effect of the engine: nothing keeps running, and a re-run converges."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet.model.objects import ObjectRef
from tests.helpers import engine_process
from tests.helpers.engine import Engine, namespace_for
from tests.integration.provider.test_faults import config_map, namespace

Make = Callable[..., Engine]


def running_engines() -> Iterator[int]:
    """Yield the ids of processes of the engine that a killed fleet process of ours could have left behind."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"--stack=organization/conformance/killed." in line:
            yield int(process.name)


def wait_until_nothing_runs() -> None:
    end = time.monotonic() + 60
    while list(running_engines()):
        assert time.monotonic() < end, "an engine process outlived its fleet process"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "failpoint",
    ["engine.before-spawn", "engine.after-spawn", "provider.before-apply:2", "provider.after-apply:2"],
)
def test_killed_while_creating_then_a_rerun_converges(engine: Make, failpoint: str) -> None:
    here, space = engine("killed"), namespace_for(failpoint)
    objects = [namespace(space), *(config_map(space, f"c{number}", k="1") for number in range(3))]
    assert engine_process.run(here, objects, failpoint) == -signal.SIGKILL
    wait_until_nothing_runs()
    here.apply(*objects)
    assert all(here.get(manifest) for manifest in objects)
    assert here.apply(*objects).operations == {"same": 4}


@pytest.mark.parametrize("failpoint", ["provider.before-delete", "provider.after-delete"])
def test_killed_while_deleting_then_a_rerun_converges(engine: Make, failpoint: str) -> None:
    here, space = engine("killed"), namespace_for(failpoint)
    kept, gone = [namespace(space), config_map(space, "kept")], [config_map(space, f"gone{n}") for n in range(2)]
    here.apply(*kept, *gone)
    assert engine_process.run(here, kept, failpoint) == -signal.SIGKILL
    wait_until_nothing_runs()
    here.apply(*kept)
    assert all(here.get(manifest) for manifest in kept)
    assert not any(here.get(manifest) for manifest in gone)
    assert here.apply(*kept).operations == {"same": 2}


def test_object_of_a_killed_run_that_is_not_wanted_any_more_is_deleted(engine: Make) -> None:
    here, space = engine("killed"), namespace_for("unwanted")
    unwanted = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "unwanted", "namespace": space}}
    here.apply(namespace(space))
    assert engine_process.run(here, [namespace(space), unwanted], "provider.after-apply") == -signal.SIGKILL
    wait_until_nothing_runs()
    assert here.get(unwanted) is not None
    assert here.apply(namespace(space)).operations == {"delete": 1, "same": 1}
    assert here.get(unwanted) is None


def test_killed_in_the_middle_of_a_replacement_then_a_rerun_converges(engine: Make) -> None:
    here, space = engine("killed"), namespace_for("replacement")
    frozen = {**config_map(space, "frozen", k="1"), "immutable": True}
    here.apply(namespace(space), frozen)
    thawed = {**frozen, "data": {"k": "2"}}
    assert engine_process.run(here, [namespace(space), thawed], "provider.after-delete") == -signal.SIGKILL
    wait_until_nothing_runs()
    here.apply(namespace(space), thawed)
    assert (here.get(thawed) or {})["data"] == {"k": "2"}
    assert here.apply(namespace(space), thawed).operations == {"same": 2}
    assert ObjectRef.of(thawed) in here.deployer.state.held(here.target.stack)
