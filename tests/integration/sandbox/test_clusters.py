"""Real control planes: started, repaired, isolated, removed, also after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet.adapters.sandbox.kwok import KwokSandbox
from fleet.adapters.sandbox.processes import Process, running
from fleet.adapters.toolchain.toolchain import Toolchain
from fleet.bootstrap import paths
from fleet.model.sandbox import ClusterState
from tests.helpers.reporting import SilentReporter

NAMES = ["one", "two"]
CACHE = paths.cache_directory() / "toolchain"


class Demo:
    def write(self, directory: Path) -> None:
        (directory / "fleet.yaml").write_text("name: demo\n")


def toolchain() -> Toolchain:
    return Toolchain(CACHE, {}, SilentReporter())


def sandbox(root: Path) -> KwokSandbox:
    return KwokSandbox(root, toolchain(), SilentReporter())


def processes(root: Path) -> list[Process]:
    """Return every process that mentions the directory in its command line, whatever it is."""
    return running(lambda command: any(str(root) in word for word in command))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two clusters and a git host, removed at the end."""
    root = tmp_path_factory.mktemp("sandbox") / "root"
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("KUBECONFIG", str(home / "kubeconfig"))
        begun = time.monotonic()
        sandbox(root).up(NAMES, demo=Demo())
        seconds = time.monotonic() - begun
    try:
        assert seconds < 60, "two clusters start in 6 s on two idle cores"
        assert list(home.iterdir()) == []
        yield root
    finally:
        sandbox(root).down()


def kubectl(root: Path, *arguments: str) -> str:
    command = [str(toolchain().path("kubectl")), "--kubeconfig", str(root / "kubeconfig"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=90).stdout


def test_clusters_are_ready_and_told_apart(root: Path) -> None:
    report = sandbox(root).status()
    assert [c.name for c in report.clusters] == NAMES
    assert report.ready
    for cluster in report.clusters:
        assert cluster.version == "v1.36.1"
        assert (cluster.nodes, cluster.processes) == (3, 5)
        assert 100e6 < cluster.memory < 2e9
    ports = [port for cluster in report.clusters for port in cluster.ports.values()]
    assert len(set(ports)) == 12


def test_everything_listens_on_the_loopback_address_only(root: Path) -> None:
    ports = {port for cluster in sandbox(root).status().clusters for port in cluster.ports.values()}
    listening = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            address, _, port = words[1].rpartition(":")
            if words[3] == "0A":
                listening[int(port, 16)] = address
    assert ports <= set(listening)
    assert {listening[port] for port in ports} == {"0100007F"}


def test_the_kubeconfig_is_private_and_its_contexts_are_the_clusters(root: Path) -> None:
    assert stat.S_IMODE((root / "kubeconfig").stat().st_mode) == 0o600
    assert kubectl(root, "config", "get-contexts", "-o", "name").split() == NAMES


def test_a_deployment_becomes_ready_on_the_fake_nodes(root: Path) -> None:
    there = ("--context", "two")
    kubectl(root, *there, "create", "deployment", "web", "--image=example.com/web", "--replicas=3")
    kubectl(root, *there, "rollout", "status", "deployment/web", "--timeout=60s")
    assert kubectl(root, *there, "get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}") == "3"
    assert kubectl(root, "--context", "one", "get", "deployments", "-o", "name") == ""


def test_a_second_up_changes_nothing(root: Path) -> None:
    before = {process.pid for process in processes(root)}
    report = sandbox(root).up(demo=Demo())
    assert [c.name for c in report.clusters] == NAMES
    assert all(c.seconds is None for c in report.clusters)
    assert {process.pid for process in processes(root)} == before


@pytest.mark.parametrize("component", ["kube-scheduler", "etcd"])
def test_up_repairs_a_component_that_died_and_keeps_what_the_cluster_holds(root: Path, component: str) -> None:
    kubectl(root, "--context", "one", "create", "namespace", f"kept-{component}")
    victims = [p for p in processes(root) if p.command[0].endswith(f"fleet-sandbox-one/bin/{component}")]
    assert len(victims) == 1
    os.kill(victims[0].pid, signal.SIGKILL)
    wait_until(lambda: victims[0].pid not in {p.pid for p in processes(root)})
    broken = sandbox(root).status().clusters[0]
    assert (broken.state, bool(broken.reason)) == (ClusterState.DEGRADED, True)
    report = sandbox(root).up()
    assert report.ready
    assert report.clusters[1].seconds is None
    assert f"namespace/kept-{component}" in kubectl(root, "--context", "one", "get", "namespaces", "-o", "name")


_UP = """
import sys
from pathlib import Path
from tests.integration.sandbox.test_clusters import sandbox
sandbox(Path(sys.argv[1])).up(["one"])
"""


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.02)  # processes of others cannot be watched


@pytest.mark.parametrize("moment", ["kwokctl", "etcd", "kube-scheduler"])
def test_down_leaves_nothing_after_up_was_killed(tmp_path: Path, moment: str) -> None:
    root = tmp_path / "root"

    def reached() -> bool:
        return any(Path(p.command[0]).name == moment for p in processes(root))

    with subprocess.Popen([sys.executable, "-c", _UP, str(root)], cwd=Path(__file__).parents[3]) as up:
        try:
            wait_until(reached)
        finally:
            up.kill()
    left = sandbox(root).down()
    assert left.processes > 0
    assert processes(root) == []
    assert not root.exists()
    assert sandbox(root).down().empty


def test_up_goes_on_after_up_was_killed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with subprocess.Popen([sys.executable, "-c", _UP, str(root)], cwd=Path(__file__).parents[3]) as up:
        try:
            wait_until(lambda: any(Path(p.command[0]).name == "kube-apiserver" for p in processes(root)))
        finally:
            up.kill()
    try:
        report = sandbox(root).up(["one"])
        assert report.ready
        assert len([p for p in processes(root) if "/bin/" in p.command[0]]) == 5
    finally:
        sandbox(root).down()
    assert processes(root) == []
    assert not root.exists()
