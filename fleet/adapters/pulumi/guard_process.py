"""The program of the guard process, see :mod:`fleet.adapters.pulumi.guard`.

Run as a script with ``python -I -S``. It imports nothing but built-in modules: 10 ms of CPU and no dependency that an
upgrade could break under it.
"""

import os
import sys

_KILL = 9


def main() -> None:
    """Read `+GROUP` and `-GROUP` lines until the input ends, then kill the groups that are left."""
    groups = set[int]()
    for line in sys.stdin.buffer:
        if line.startswith(b"+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    for group in groups:
        try:  # noqa: SIM105 - contextlib would double the start-up time
            os.killpg(group, _KILL)
        except OSError:
            pass


if __name__ == "__main__":
    main()
