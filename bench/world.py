"""A throw-away world to measure in: a sandbox of its own, and fleets of copies of BookInfo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import fleet

IDENTITY = {
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.com",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.com",
}


@dataclass(frozen=True)
class World:
    """A running sandbox with its demo fleet."""

    root: Path
    environment: dict[str, str]

    @property
    def clone(self) -> Path:
        """The sandbox's clone of the demo fleet."""
        return self.root / "sandbox" / "fleet"

    def fleet(self, *arguments: str, directory: Path | None = None) -> str:
        """Run a fleet command that has to work; return its output."""
        ended = subprocess.run(
            fleet(*arguments),
            cwd=directory or self.clone,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"`fleet {' '.join(arguments)}` failed:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def git(self, *arguments: str, directory: Path) -> str:
        """Run git; return its output without the last newline."""
        done = subprocess.run(
            ["git", *arguments], cwd=directory, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def status(self) -> dict[str, Any]:
        """Return `fleet sandbox status` as data."""
        data: dict[str, Any] = json.loads(self.fleet("sandbox", "status", "-o", "json", directory=self.root))["data"]
        return data


@contextmanager
def world(root: Path) -> Iterator[World]:
    """Start a sandbox below ``root``, and remove it at the end."""
    unwanted = ("FLEET_REPO", "GIT_", "KUBECONFIG", "PYTHONDONTWRITEBYTECODE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
    here = World(root, environment | IDENTITY | {"FLEET_STATE_DIR": str(root), "NO_COLOR": "1"})
    here.fleet("sandbox", "up", directory=root)
    try:
        yield here
    finally:
        here.fleet("sandbox", "down", "--yes", directory=root)


def copies(here: World, name: str, count: int) -> Path:
    """Write a fleet with ``count`` copies of BookInfo in every environment, each in a namespace of its own."""
    directory = here.root / name
    shutil.copytree(here.clone, directory, ignore=shutil.ignore_patterns(".git", ".fleet"))
    origin = here.root / f"{name}.git"
    here.git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), directory=here.root)
    here.git("init", "--quiet", "--initial-branch=main", directory=directory)
    here.git("remote", "add", "origin", str(origin), directory=directory)
    _replace(directory / "fleet.yaml", "name: bookinfo", f"name: {name}")
    app = directory / "apps" / "bookinfo"
    for number in range(count):
        copy = directory / "apps" / f"bookinfo-{number:03d}"
        shutil.copytree(app, copy)
        _replace(copy / "app.yaml", "namespace: bookinfo", f"namespace: {name}-{number:03d}")
    shutil.rmtree(app)
    revision = _commit(here, directory, "apps")
    for pin in sorted(directory.glob("environments/*/apps/bookinfo.yaml")):
        text = _pinned(pin.read_text(), revision)
        for number in range(count):
            pin.with_name(f"bookinfo-{number:03d}.yaml").write_text(text)
        pin.unlink()
    _commit(here, directory, "pins")
    here.git("push", "--quiet", "-u", "origin", "main", directory=directory)
    return directory


def release_everywhere(here: World, directory: Path, image: str, number: int) -> None:
    """Change the image of `reviews` in every pin, by one commit."""
    for pin in directory.glob("environments/*/apps/*.yaml"):
        revision = next(line for line in pin.read_text().splitlines() if line.strip().startswith("revision:"))
        lines = ["release:", f"  version: 2.0.{number}", revision, "  images:", f"    reviews: {image}"]
        pin.write_text("\n".join(lines) + "\n")
    _commit(here, directory, f"reviews {image}")
    here.git("push", "--quiet", "origin", "main", directory=directory)


def _commit(here: World, directory: Path, message: str) -> str:
    here.git("add", "--all", directory=directory)
    here.git("commit", "--quiet", "-m", message, directory=directory)
    return here.git("rev-parse", "HEAD", directory=directory)


def _pinned(text: str, revision: str) -> str:
    """Return a pin with this revision and without values: the nodes of the sandbox take some 330 pods."""
    version = next(line for line in text.splitlines() if line.strip().startswith("version:"))
    return f"release:\n{version}\n  revision: {revision}\n"


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if old not in text:
        raise RuntimeError(f"{path} does not hold {old!r}")
    path.write_text(text.replace(old, new))
