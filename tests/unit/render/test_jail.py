"""The jail holds even for code that gets out of the template sandbox: real Python, run by the worker for programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.adapters.render import codes
from fleet.adapters.render.renderer import JailedRenderer
from tests.helpers.rendering import CONFIG_MAP, objects, one, problem, program, templates

BODY = 'import pulumi_kubernetes as k\nk.core.v1.ConfigMap("a", metadata={"name": "a"}, data={"x": str(found)})\n'


def what(renderer: JailedRenderer, code: str) -> str:
    """Return what code in the jail found out, or the message of the problem that it is."""
    result = one(renderer, program(code + "\n" + BODY))
    return str(result.objects[0]["data"]["x"]) if result.objects else result.problems[0].message


@pytest.mark.parametrize(
    "code",
    [
        "import socket; found = socket.create_connection(('127.0.0.1', 1))",
        "import subprocess; found = subprocess.run(['true'])",
        "import os; found = os.system('true')",
        "import os; found = os.fork()",
        "import os; found = os.kill(os.getppid(), 9)",
        "found = open('/etc/passwd').read()",
        "import pathlib; found = pathlib.Path('/tmp/x').write_text('x')",
        "import ctypes; found = ctypes.CDLL(None)",
        "import tempfile; found = tempfile.mkdtemp()",
    ],
)
def test_python_code_is_refused_with_a_message(renderer: JailedRenderer, code: str) -> None:
    found = problem(renderer, program(code))
    assert found.code == codes.PROGRAM
    assert "not allowed" in found.message or "cannot be opened" in found.message or "Permission" in found.message


def test_the_environment_is_empty(renderer: JailedRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    names = what(renderer, "import os; found = sorted(os.environ)")
    assert "AWS" not in names
    assert "HOME" not in names


def test_the_kernel_refuses_what_the_hook_does_not_see(tmp_path: Path) -> None:
    """Run the layers in a process of their own, without the hook, and try everything."""
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux only")
    secret = tmp_path / "secret"
    secret.write_text("canary")
    script = f"""
import os, socket, sys
from fleet.adapters.render import jail
jail.limit_process(memory=1 << 30, files=64, processes=None)
layers = [jail.give_up_privileges(), jail.leave_network(), jail.hide_files(jail.library_directories()),
          jail.forbid_syscalls(threads=False)]
def attempt(action):
    try:
        action()
    except BaseException as error:
        return type(error).__name__
    return "done"
print(layers)
print(attempt(lambda: open({str(secret)!r}).read()))
print(attempt(lambda: open({str(tmp_path / "new")!r}, "w")))
print(attempt(lambda: os.listdir({str(tmp_path)!r})))
print(attempt(lambda: socket.socket()))
print(attempt(lambda: os.fork() or os._exit(0)))
print(attempt(lambda: os.execv("/bin/true", ["true"])))
print(attempt(lambda: os.kill(os.getppid(), 0)))
print(attempt(lambda: bytearray(2 << 30)))
import json.tool
print("imports work")
"""
    ended = subprocess.run(
        [sys.executable, "-P", "-s", "-c", script], capture_output=True, text=True, check=False, cwd="/"
    )
    assert ended.returncode == 0, ended.stderr
    layers, *attempts, last = ended.stdout.splitlines()
    assert last == "imports work"
    if layers != "[True, True, True, True]":
        pytest.skip(f"this kernel does not allow every layer: {layers}")
    denied = ["PermissionError"] * 7
    assert attempts == [*denied, "MemoryError"]


def test_a_renderer_tells_what_confines_it(renderer: JailedRenderer) -> None:
    objects(renderer, templates(CONFIG_MAP + "  layers: {{ values.salt }}\n", values={"salt": os.getpid()}))
    assert "limits" in renderer.layers["templates"]


def test_jailed_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from fleet.adapters.render.renderer import JailedRenderer
from tests.helpers.rendering import CONFIG_MAP, templates
renderer = JailedRenderer(Path({str(tmp_path)!r}), workers=1)
renderer.render([templates(CONFIG_MAP)])
print(renderer._jail._processes[0].popen.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=root)
    process = int(ended.stdout)
    for _ in range(100):
        if not _alive(process):
            return
        subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("the jailed process outlived its parent")


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_listening_port_cannot_be_reached(renderer: JailedRenderer) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        code = f"import _socket\nfound = _socket.socket(2, 1).connect_ex(('127.0.0.1', {port}))"
        assert "not allowed" in what(renderer, code) or "not permitted" in what(renderer, code)


def test_what_was_started_early_renders_and_ends_with_the_renderer(tmp_path: Path) -> None:
    early = JailedRenderer(tmp_path)
    early.prepare()
    early.prepare()  # one is enough
    result = one(early, templates(CONFIG_MAP + "  a: b\n"))
    assert result.objects
    assert set(early.layers) == {"templates"}
    early.close()
    early.close()
    assert early.layers == {}
