"""Entry point of the `fleet` command and of `python -m fleet`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    from fleet.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
