"""Builds programs from pinned Go modules. The sums of all modules are package data (`gomod/*/go.sum`)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from fleet.adapters.toolchain.catalogue import Build, Tool
from fleet.adapters.toolchain.counting import Counter
from fleet.adapters.toolchain.golang import Go, GoFinder, environment_for
from fleet.adapters.toolchain.releases import Hosts, host_of
from fleet.model.events import Level, Message
from fleet.ports.reporter import Reporter

MODULES = Path(__file__).with_name("gomod")
"""A main module per group, with a `tool` line for each program, and the sums of all that it needs.

Directories in it are modules of ours that stand in for others, named by `replace` lines.
"""

_FLAGS = ("-trimpath", "-mod=readonly", "-buildvcs=false")
_LAST_LINES = 8


class BuildError(Exception):
    """`go` ended with an error; the message holds its last lines."""


class GoBuilder:
    """Builds programs of one module directory after the other.

    What was compiled stays in Go's own build cache, so that a build that was killed goes on where it was.

    Args:
        directory: for work directories.
    """

    def __init__(
        self, directory: Path, reporter: Reporter, environment: Mapping[str, str], modules: Path = MODULES
    ) -> None:
        self._directory = directory
        self._reporter = reporter
        self._environment = environment
        self._modules = modules
        self._finder = GoFinder(directory / "go", environment)
        self._go: dict[str, tuple[Go | None, list[str]]] = {}

    def build(self, tool: Tool, hosts: Hosts, target: Path, lock: int) -> tuple[bool, str]:
        """Put a program at a path.

        Args:
            tool: the program.
            hosts: says which hosts answer.
            target: where the program goes.
            lock: descriptor of the group's lock; `go` inherits it, so that the group stays locked until `go` has
                ended even if this process is killed.

        Returns:
            Whether it worked, and if not why not.
        """
        if tool.build is None:
            return False, f"`{tool.name}` cannot be built from Go modules alone"
        go, reasons = self._toolchain(tool.build)
        if go is None:
            return False, "; ".join(reasons)
        work = self._directory / "work" / tool.group
        self._prepare(work, tool.build)
        environment = {**environment_for(self._environment), "GOTMPDIR": str(work / "tmp")}
        unreachable = self._without_proxy(go, environment, hosts)
        if unreachable:
            environment["GOPROXY"] = "off"
        try:
            self._compile(_Run(go, work, environment, lock), tool, tool.build, target)
            return True, ""
        except BuildError as error:
            reason = f"{unreachable}, and not all modules are in Go's cache" if unreachable else str(error)
            return False, f"with Go {go.version}: {reason}"
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _toolchain(self, build: Build) -> tuple[Go | None, list[str]]:
        if build.module not in self._go:
            found = re.search(r"^go (\S+)", (self._modules / build.module / "go.mod").read_text(), re.MULTILINE)
            self._go[build.module] = self._finder.find(found.group(1) if found else "1.21")
        return self._go[build.module]

    def _prepare(self, work: Path, build: Build) -> None:
        shutil.rmtree(work, ignore_errors=True)  # an earlier run may have been killed
        shutil.copytree(self._modules / build.module, work)  # with modules of ours that stand in for others
        (work / "tmp").mkdir()

    def _without_proxy(self, go: Go, environment: Mapping[str, str], hosts: Hosts) -> str:
        """Return why modules cannot be fetched; empty if they can, as far as one can tell beforehand.

        An unreachable proxy would otherwise be noticed only after Go's own long timeouts.
        """
        answer = subprocess.run(
            [str(go.path), "env", "GOPROXY"], env=dict(environment), capture_output=True, text=True, check=False
        )
        entries = [e.strip() for e in re.split(r"[,|]", answer.stdout.strip()) if e.strip()]
        proxies = [host_of(e) for e in entries if e.startswith(("http://", "https://"))]
        if not proxies or any(e.startswith("file://") for e in entries):
            return ""
        hosts.probe(proxies)
        reasons = [f"{p}: {hosts.reason(p)}" for p in proxies if hosts.reason(p)]
        return f"no module proxy can be reached ({'; '.join(reasons)})" if len(reasons) == len(proxies) else ""

    def _compile(self, run: _Run, tool: Tool, build: Build, target: Path) -> None:
        flags = [*_FLAGS, f"-ldflags={' '.join(_linker_flags(build))}"]
        needed = (run.work / "go.mod").read_text().count("\n\t")
        fetched = Counter(self._reporter, f"fetch {tool.name} {tool.version}", needed, "modules")
        stale = run.go_tool(
            ["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *flags, build.package],
            lambda line: fetched.advance() if line.startswith("go: downloading") else None,
        )
        waiting = set(stale.split())
        compiled = Counter(self._reporter, f"compile {tool.name} {tool.version}", max(1, len(waiting)), "packages")
        compiled.start()
        run.go_tool(
            ["build", "-v", *flags, "-o", str(target), build.package],
            lambda line: compiled.advance() if line in waiting else None,
        )
        compiled.finish()
        self._reporter.emit(Message(Level.DEBUG, f"compiled {len(waiting)} packages for {tool.name}"))


class _Run:
    """Runs `go` in a work directory."""

    def __init__(self, go: Go, work: Path, environment: Mapping[str, str], lock: int) -> None:
        self._go = go
        self.work = work
        self._environment = dict(environment)
        self._lock = lock

    def go_tool(self, arguments: list[str], line: Callable[[str], None]) -> str:
        """Run `go`, pass on each line of its talk, and return its output.

        Raises:
            BuildError: it ended with an error.
        """
        last: deque[str] = deque(maxlen=_LAST_LINES)
        output = self.work / "output"
        with output.open("w+") as answer:
            process = subprocess.Popen(
                [str(self._go.path), *arguments],
                cwd=self.work,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=(self._lock,),
            )
            with process:
                try:
                    assert process.stderr is not None  # noqa: S101
                    for text in process.stderr:
                        line(text.rstrip())
                        last.append(text.rstrip())
                    process.wait()
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                said = [text for text in last if text]
                raise BuildError("\n".join(said) or f"`go {arguments[0]}` ended with status {process.returncode}")
            answer.seek(0)
            return answer.read()


def _linker_flags(build: Build) -> list[str]:
    """Return the linker's flags: no symbol tables, and the version variables."""
    return ["-s", "-w", *(f"-X={name}={value}" for name, value in sorted(build.variables.items()))]
