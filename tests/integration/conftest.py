"""Real API servers and the real engine, started once for the whole test run and shared by all its workers."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.bootstrap import paths


@dataclass(frozen=True)
class Kube:
    """Two real API servers of a throw-away sandbox."""

    kubeconfig: Path
    contexts: list[str]


CONTEXTS = ["one", "two"]


@pytest.fixture(scope="session")
def tool_environment() -> dict[str, Path]:
    """Return the paths of the external binaries; they must have been installed by `fleet toolchain install`."""
    from fleet.adapters.toolchain.toolchain import Toolchain
    from tests.helpers.reporting import SilentReporter

    toolchain = Toolchain(paths.cache_directory() / "toolchain", {}, SilentReporter())
    return {name: toolchain.path(name) for name in ("pulumi", "kwokctl")}


@pytest.fixture(scope="session")
def pulumi_binary(request: pytest.FixtureRequest) -> Path:
    """Return the real Pulumi CLI."""
    given = os.environ.get("FLEET_TEST_PULUMI")
    if given:
        return Path(given)
    tools: dict[str, Path] = request.getfixturevalue("tool_environment")
    return tools["pulumi"]


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Kube]:
    """Give two running clusters; the first worker starts them, the last one to finish stops them."""
    given = os.environ.get("FLEET_TEST_KUBECONFIG")
    if given:
        yield Kube(Path(given), ["kwok-one", "kwok-two"])
        return
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    root = shared / "sandbox"
    users = shared / "sandbox-users.json"
    _change_users(users, worker_id, joins=True, root=root)
    try:
        yield Kube(root / "kubeconfig", CONTEXTS)
    finally:
        _change_users(users, worker_id, joins=False, root=root)


def _change_users(users: Path, worker: str, *, joins: bool, root: Path) -> None:
    with users.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        present: list[str] = json.loads(users.read_text()) if users.exists() else []
        if joins and not present:
            _sandbox(root).up(CONTEXTS)
        present = [*present, worker] if joins else [w for w in present if w != worker]
        users.write_text(json.dumps(present))
        if not joins and not present:
            _sandbox(root).down()


def _sandbox(root: Path):  # type: ignore[no-untyped-def]
    from fleet.adapters.sandbox.kwok import KwokSandbox
    from fleet.adapters.toolchain.toolchain import Toolchain
    from tests.helpers.reporting import SilentReporter

    reporter = SilentReporter()
    return KwokSandbox(root, Toolchain(paths.cache_directory() / "toolchain", {}, reporter), reporter)
