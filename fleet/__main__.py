"""Entry point of the `fleet` command and of `python -m fleet`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    # Looking for plugins of pydantic costs every command a scan of all installed packages, and fleet uses none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    from fleet.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
