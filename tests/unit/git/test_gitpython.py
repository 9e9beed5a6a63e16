"""The part of GitPython that is used, loaded alone. Each case needs a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOAD = "from fleet.adapters.git.gitpython import command_runner; runner = command_runner()"
WORKS = "assert runner('.').version().startswith('git version')"


@pytest.mark.parametrize(
    "lines",
    [
        [LOAD, WORKS],
        [LOAD, "import sys; assert 'git.repo' not in sys.modules and 'git' not in sys.modules"],
        [LOAD, "import git; assert git.Git is runner and git.Repo", WORKS],
        ["import git", LOAD, "assert git.Git is runner", WORKS],
        [LOAD, "assert command_runner() is runner"],
    ],
)
def test_the_command_runner_works_alone_and_beside_the_whole_package(lines: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
