"""One run of the engine as a process of its own, for tests that kill it: `python -m tests.helpers.engine_process`.

Reads what to do as JSON from the standard input: the fields of :class:`tests.helpers.engine.Engine`, and `objects`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.helpers.engine import Engine


def run(engine: Engine, objects: Sequence[Any], failpoint: str) -> int:
    """Deploy in a child process that dies at a failpoint; return its exit status (negative: the signal)."""
    job = {
        "state": str(engine.state),
        "kubeconfig": str(engine.kubeconfig),
        "context": engine.context,
        "pulumi": str(engine.pulumi),
        "app": engine.app,
        "objects": list(objects),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.engine_process"],
        input=json.dumps(job).encode(),
        env={**os.environ, "FLEET_FAILPOINT": failpoint},
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


def main() -> None:
    job = json.load(sys.stdin)
    objects = job.pop("objects")
    for name in ("state", "kubeconfig", "pulumi"):
        job[name] = Path(job[name])
    engine = Engine(**job)
    result = engine.deploy(*objects)
    engine.close()
    if result.error:
        raise SystemExit(result.error)


if __name__ == "__main__":
    main()
