"""Runs git's command line where there is no repository to open yet. Importable everywhere, like :mod:`fleet.files`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from fleet.errors import GitError


def run_git(
    directory: Path, *arguments: str, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run git in a directory, without a terminal to ask on, and return its answer whatever its status.

    Args:
        directory: where it runs.
        arguments: its arguments.
        environment: all of its environment; prompts are switched off in it.
        seconds: how long it may take.

    Raises:
        GitError: git is not there, or took too long.
    """
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=directory,
            env={**environment, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git could not be run: {error}", hints=("install git 2.30 or newer",)) from error
