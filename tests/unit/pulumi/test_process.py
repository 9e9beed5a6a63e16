"""Processes of the engine: time limits, cancelling, environment, and who may talk to our servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.adapters.pulumi import process
from fleet.adapters.pulumi.guard import Guard
from fleet.adapters.pulumi.peers import owner_of_connection
from fleet.adapters.pulumi.state import StateDirectory
from fleet.errors import ToolError

PYTHON = Path(sys.executable)


@pytest.fixture
def guard() -> Iterator[Guard]:
    made = Guard()
    yield made
    made.close()


def run(guard: Guard, code: str, **options: object) -> process.Finished:
    settings: dict[str, object] = {"timeout": 10.0, "environment": {}, "directory": Path("/"), **options}
    return process.run(PYTHON, ["-I", "-S", "-c", code], guard=guard, **settings)  # type: ignore[arg-type]


def test_output_and_status_are_returned(guard: Guard) -> None:
    finished = run(guard, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert finished.status == 3
    assert set(finished.output.split()) == {"out", "err"}
    assert not finished.timed_out


def test_time_limit_asks_first(guard: Guard) -> None:
    code = "import time\ntry:\n  print('up', flush=True); time.sleep(60)\nexcept KeyboardInterrupt:\n  print('saved')"
    stopped: list[bool] = []
    finished = run(guard, code, timeout=3.0, on_stop=lambda: stopped.append(True))
    assert finished.timed_out
    assert "saved" in finished.output
    assert stopped == [True]


def test_lost_lease_kills_at_once(guard: Guard) -> None:
    lost = threading.Event()
    threading.Timer(0.2, lost.set).start()
    start = time.monotonic()
    finished = run(
        guard, "import signal,time; signal.signal(2, signal.SIG_IGN); time.sleep(600)", timeout=300.0, cancel=lost
    )
    assert finished.cancelled
    assert finished.status == -signal.SIGKILL
    assert time.monotonic() - start < 60


def test_missing_binary_is_a_tool_error(guard: Guard) -> None:
    with pytest.raises(ToolError, match="could not be started"):
        process.run(Path("/nonexistent/pulumi"), [], environment={}, directory=Path("/"), timeout=1, guard=guard)


def test_guard_kills_what_runs_when_its_owner_is_gone(guard: Guard) -> None:
    child = subprocess.Popen([PYTHON, "-c", "import time; time.sleep(60)"], process_group=0)
    released = subprocess.Popen([PYTHON, "-c", "import time; time.sleep(60)"], process_group=0)
    guard.watch(child.pid)
    guard.watch(released.pid)
    guard.release(released.pid)
    guard.close()  # its input ends, as when the owner is killed
    assert child.wait(timeout=60) == -signal.SIGKILL
    assert released.poll() is None
    released.kill()
    released.wait()


def test_environment_of_a_run_holds_nothing_that_was_not_asked_for() -> None:
    outer = {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "x", "PULUMI_ACCESS_TOKEN": "x", "VAULT_TOKEN": "x", "HOME": "/h"}
    assert process.base_environment(outer, everything=False) == {"PATH": "/bin", "HOME": "/h"}
    credentials = process.base_environment(outer, everything=True)
    assert credentials == {"PATH": "/bin", "HOME": "/h", "AWS_SECRET_ACCESS_KEY": "x"}


def test_backend_url_quotes_the_directory(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "a b#c", "shop")
    assert process.settings(state)["PULUMI_BACKEND_URL"].endswith("/a%20b%23c?metadata=skip")


def test_kernel_tells_whose_a_connection_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            owner = owner_of_connection(client.getsockname()[1], port)
    assert owner in (os.getuid(), None)  # None: not on Linux
    assert owner_of_connection(1, 1) is None


def test_protocol_is_loaded_without_the_sdk() -> None:
    code = (
        "import sys; from fleet.adapters.pulumi import protocol; protocol.provider_pb2_grpc; "
        "assert 'pulumi' not in sys.modules; import pulumi; import pulumi.runtime.proto.provider_pb2 as real; "
        "print(real.CheckRequest is protocol.provider_pb2.CheckRequest)"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("True", "False")
