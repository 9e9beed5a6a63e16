"""Whole invocations of `fleet`: exit status, stdout and stderr, with what varies put in normal form."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Invocation:
    """How one call ended."""

    status: int
    out: str
    err: str

    @property
    def snapshot(self) -> str:
        """Everything as one text."""
        parts = [f"exit {self.status}"]
        parts += ["--- stdout", self.out.rstrip("\n")] if self.out.strip() else []
        parts += ["--- stderr", self.err.rstrip("\n")] if self.err.strip() else []
        return "\n".join(parts) + "\n"


def invoke(*arguments: str, hide: Path | None = None) -> Invocation:
    """Run `fleet` as a process; the path ``hide`` is shown as `DIR`, times as `0.0s`, commit ids as `COMMIT`."""
    ended = subprocess.run(
        [sys.executable, "-m", "fleet", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    def normal(text: str) -> str:
        text = text.replace(str(hide), "DIR") if hide is not None else text
        text = re.sub(r"\btook \d+(\.\d+)?\w+", "took 0.0s", text)
        text = re.sub(r"\"seconds\": [\d.e-]+", '"seconds": 0.0', text)
        return re.sub(r"\b[0-9a-f]{7}([0-9a-f]{5}|[0-9a-f]{33})?\b", "COMMIT", text)

    return Invocation(ended.returncode, normal(ended.stdout), normal(ended.stderr))
