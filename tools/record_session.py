"""Play the demo and put the part of it that tells the story into the README, between the `session` marks.

Needs the toolchain; takes about two minutes. Run it when the output of a command changes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHOSEN = (
    "fleet promote bookinfo --to prod",
    "fleet pr approve 2",
    "fleet pr merge 2",
    "fleet reconcile -e prod",
    "fleet drift",
    "fleet rollback",
)


def main() -> int:
    """Play, choose, and write."""
    import os

    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {"FLEET_STATE_DIR": state, "NO_COLOR": "1", "COLUMNS": "110"}
        command = [sys.executable, "-m", "fleet", "demo", "--yes"]
        try:
            played = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
            ).stdout
        finally:
            subprocess.run([sys.executable, "-m", "fleet", "sandbox", "down", "--yes"], env=environment, check=True)
    (ROOT / "README.md").write_text(_with_session(_session(played)))
    return 0


def _session(played: str) -> str:
    """Return the chosen steps: the command and what it printed."""
    parts = re.split(r"^(?=\$ |━━ )", played, flags=re.MULTILINE)
    chosen, rest = [], list(CHOSEN)
    for part in parts:
        if rest and part.startswith(f"$ {rest[0]}"):
            chosen.append(part.strip())
            rest.pop(0)
    return "\n\n".join(chosen)


def _with_session(session: str) -> str:
    text = (ROOT / "README.md").read_text()
    marked = re.compile(r"(<!-- session:[^\n]*-->\n```console\n).*?(```\n<!-- /session -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}{session}\n{match[2]}", text)


if __name__ == "__main__":
    sys.exit(main())
