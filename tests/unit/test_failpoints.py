"""Failpoints: named places where a test can kill the process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.failpoints import NAMES

PACKAGE = Path(__file__).resolve().parents[2] / "fleet"


def test_every_failpoint_is_in_the_code_and_every_one_in_the_code_is_named() -> None:
    used = {
        name
        for path in PACKAGE.rglob("*.py")
        if path.name != "failpoints.py"
        for name in re.findall(r'failpoint\(\s*"([a-z.-]+)"', path.read_text())
    }
    assert used == NAMES


def run(code: str, failpoint: str) -> int:
    """Run a program with a failpoint set; return how it ended."""
    environment = {"FLEET_FAILPOINT": failpoint} if failpoint else {}
    return subprocess.run([sys.executable, "-c", code], env=environment, check=False, cwd=PACKAGE.parent).returncode


TWICE = "from fleet.failpoints import failpoint; failpoint('a'); failpoint('b'); failpoint('a'); print(end='')"


@pytest.mark.parametrize(
    ("failpoint", "status"),
    [("", 0), ("c", 0), ("a", -signal.SIGKILL), ("b", -signal.SIGKILL), ("a:2", -signal.SIGKILL), ("a:3", 0)],
)
def test_a_failpoint_kills_at_the_pass_that_was_asked_for(failpoint: str, status: int) -> None:
    assert run(TWICE, failpoint) == status
