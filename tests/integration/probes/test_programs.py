"""Programs of Debian packages run on this machine."""

from __future__ import annotations

import subprocess

from tests.helpers import debian


def test_a_program_of_a_package_runs() -> None:
    path = debian.program("prometheus")
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    assert "prometheus, version" in done.stdout + done.stderr
