from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.adapters.sandbox.layout import Layout
from fleet.adapters.sandbox.ports import free_ports
from fleet.adapters.sandbox.preflight import check_memory
from fleet.adapters.sandbox.processes import is_running, kill_all, running
from fleet.errors import UsageError
from fleet.model.sandbox import DEFAULT_CLUSTERS
from fleet.operations.sandbox import choose_names


def test_ports_are_all_different_and_none_is_taken() -> None:
    first = free_ports(40)
    second = free_ports(40, first)
    assert len({*first, *second}) == 80


def test_a_port_that_somebody_listens_on_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy, socket.create_server(("", 0)) as everywhere:
        candidates = [busy.getsockname()[1], everywhere.getsockname()[1]]
        free = free_ports(1)[0]
        monkeypatch.setattr("fleet.adapters.sandbox.ports._candidates", lambda: [*candidates, free])
        assert free_ports(1) == [free]
        with pytest.raises(OSError, match="fewer than 2 free ports"):
            free_ports(2)


def test_ports_are_outside_of_those_for_outgoing_connections() -> None:
    low, high = (int(n) for n in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not any(low <= port <= high for port in free_ports(50))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "sandbox")


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("{root}/kwok/clusters/fleet-sandbox-dev/bin/etcd --data-dir=x", True),
        ("/opt/kwokctl --config {root}/clusters/dev/kwokctl.yaml --name fleet-sandbox-dev create cluster", True),
        ("vim {root}/clusters/dev/kwokctl.yaml", False),
        ("vim {root}/fleet/fleet.yaml", False),
        ("{root}/kwok-other/bin/etcd", False),
        ("/usr/bin/etcd", False),
    ],
)
def test_only_components_and_kwokctl_count_as_processes_of_the_sandbox(
    layout: Layout, command: str, ours: bool
) -> None:
    assert layout.belongs(command.format(root=layout.root).split()) is ours


@pytest.fixture
def component(layout: Layout) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a component.

    While a process executes its new program it has no command line for a moment, and `Popen` may return before that
    is over. So, it has to answer first.
    """
    program = layout.kwok / "clusters" / "fleet-sandbox-dev" / "bin" / "etcd"
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("cat") or "/bin/cat", program)
    with subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"alive\n")
        assert process.stdout.read(6) == b"alive\n"
        yield process
        process.kill()


def test_processes_are_found_by_what_they_run_and_killed(layout: Layout, component: subprocess.Popen[bytes]) -> None:
    found = running(layout.belongs)
    assert [process.pid for process in found] == [component.pid]
    assert found[0].memory > 0
    assert is_running(component.pid, layout.belongs)
    assert kill_all(layout.belongs, 10) == 1
    assert component.wait(10) < 0
    assert running(layout.belongs) == []
    assert kill_all(layout.belongs, 10) == 0


def test_a_process_of_somebody_else_is_left_alone(layout: Layout) -> None:
    command = [sys.executable, "-c", "input()", str(layout.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
        kill_all(layout.belongs, 10)
        assert other.poll() is None
        assert not is_running(other.pid, layout.belongs)
        other.kill()


def test_too_little_memory_says_how_many_clusters_are_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.adapters.sandbox.preflight._available", lambda: 1_200_000_000)
    check = check_memory(DEFAULT_CLUSTERS)
    assert (check.ok, check.hint) == (False, "fleet sandbox up --clusters 2")
    assert check.text == "1.2 GB free, 2.2 GB needed"
    assert check_memory(["dev"]).ok


def test_names_are_the_default_ones_then_extra_ones() -> None:
    assert choose_names(None, []) == ()
    assert choose_names(2, []) == ("dev", "staging")
    assert choose_names(6, []) == (*DEFAULT_CLUSTERS, "extra-1", "extra-2")
    assert choose_names(None, ["eu", "us", "eu"]) == ("eu", "us")


@pytest.mark.parametrize(
    ("count", "names"), [(0, []), (33, []), (2, ["eu"]), (None, ["EU"]), (None, ["../x"]), (None, ["-"])]
)
def test_bad_names_and_numbers_are_refused(count: int | None, names: list[str]) -> None:
    with pytest.raises(UsageError):
        choose_names(count, names)
