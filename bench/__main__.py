"""`make bench`: print the table of figures. `ARGS="--only a c"` runs a part; `--out FILE` also writes the table."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import scenarios
from bench.table import Row, text
from bench.world import World, world

PARTS: dict[str, tuple[str, Callable[[World], list[Row]]]] = {
    "a": ("a changed target of 15 objects", scenarios.changed_targets),
    "b": ("a reconcile without a change", scenarios.unchanged_targets),
    "c": ("start-up", scenarios.start_up),
    "d": ("promote to an open pull request", scenarios.promotion),
    "e": ("sandbox memory", scenarios.sandbox_memory),
    "f": ("plans for 1,000 clusters", scenarios.plans),
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=sorted(PARTS))
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as directory, world(Path(directory)) as here:
        for part in chosen.only:
            title, measure = PARTS[part]
            print(f"({part}) {title} …", file=sys.stderr, flush=True)
            rows += measure(here)
    table = f"{_machine()}\n\n{text(rows)}"
    print(table)
    if chosen.out:
        chosen.out.write_text(table + "\n")
    return 0


def _machine() -> str:
    import os

    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
