r"""Plays the guides: runs every command of a guide on a scratch fleet, and compares what it prints.

A guide is played if it holds a comment with the apps of its fleet; `tests/docs/test_guides.py` finds it by that:

    <!-- played: web -->

The fleet is that of `tests.helpers.promoting`: `dev` (takes releases as commits), `staging`, `prod` (clusters `prod-eu`
and `prod-us`; one approval), a real origin, and clusters in memory that run release 1.0.0 of each app. Other policies:
`<!-- policy prod: {approvals: 2} -->`. Ada sits at the first clone, Bob at another one.

* ```` ```console ```` blocks are typed line by line. `$ ` is Ada, `bob$ ` is Bob; `\` at the end goes on in
  the next line. Anything may be typed, `git` and `cat` too. Questions of fleet are answered with yes.
  `fleet reconcile -e ENV` puts what git says on the clusters in memory, at once and healthy;
  it is the only command that is not the real one, so do not show its output.
* `# exits with 4` behind a command says its status; without it the status must be 0.
* Lines below a command are what it prints, stdout before stderr. They must be all of it, but `…` on a line of its own
  stands for any lines, and at the end of a line for the rest of it. Commit ids and times are compared by their form
  only. A command without lines below it may print anything.
* A block of any other language below `<!-- file: PATH -->` is written to that file of Ada's clone before it goes on.
* `<!-- push: REPOSITORY TAG [KIND] -->` puts an image (or a `chart`) into a registry in memory.
* `<!-- run: COMMAND -->` is typed without being seen (by Ada; `run as bob:` by Bob).

Write a guide without its output first, and let this fill it in, for you to check and to shorten:

    .venv/bin/python -m tests.docs.guides docs/guides/NAME.md
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.promotion import StoredClusters
from tests.fakes.registries import StoredRegistries
from tests.helpers.git import IDENTITY_VARIABLES
from tests.helpers.promoting import Person, Team, normal, only

ROOT = Path(__file__).resolve().parents[2]
_PLAYED = re.compile(r"<!-- played: (?P<apps>[a-z0-9 -]+) -->")
_POLICY = re.compile(r"<!-- policy (?P<environment>[a-z0-9-]+): (?P<policy>\{.*\}) -->")
_RUN = re.compile(r"\s*<!-- run(?: as (?P<who>\w+))?: (?P<line>.*) -->")
_FILE = re.compile(r"\s*<!-- file: (?P<path>\S+) -->")
_PUSH = re.compile(r"\s*<!-- push: (?P<repository>\S+) (?P<tag>\S+)(?: (?P<kind>\w+))? -->")
_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)")
_PROMPT = re.compile(r"(?:(?P<who>[a-z]+))?\$ (?P<line>.*)")
_STATUS = re.compile(r"\s+# exits with (?P<status>\d+)$")
_COMMENT = re.compile(r"\s+# .*$")


@dataclass
class Step:
    """One command of a guide."""

    line: str
    number: int
    """Line of the guide."""
    who: str = "ada"
    status: int = 0
    shown: list[str] = field(default_factory=list)
    """Lines that it should print; none: anything."""


@dataclass
class Written:
    """A file that a guide gives."""

    path: str
    content: str


@dataclass
class Pushed:
    """An image that gets into a registry."""

    repository: str
    tag: str
    kind: str = "image"


def team_of(text: str, directory: Path) -> Team:
    """Return the team and the fleet that a guide is played with."""
    found = _PLAYED.search(text)
    assert found, "the guide has no `<!-- played: APPS -->`"
    policies = {"dev": "{releases: direct}", "prod": "{approvals: 1}"}
    policies |= {m["environment"]: m["policy"] for m in _POLICY.finditer(text)}
    team = Team(directory, found["apps"].split(), **policies)
    team.reconcile("dev", "staging", "prod")
    return team


def is_played(text: str) -> bool:
    """Say whether a page is a guide that can be played."""
    return _PLAYED.search(text) is not None


def steps_of(text: str) -> Iterator[Step | Written | Pushed]:
    """Yield what a guide does, in order."""
    lines = iter(enumerate(text.splitlines(), 1))
    path = ""
    for number, line in lines:
        if hidden := _RUN.fullmatch(line):
            yield Step(hidden["line"], number, hidden["who"] or "ada")
        elif pushed := _PUSH.fullmatch(line):
            yield Pushed(pushed["repository"], pushed["tag"], pushed["kind"] or "image")
        elif given := _FILE.fullmatch(line):
            path = given["path"]
        elif fence := _FENCE.match(line):
            body = _body(lines, len(fence["indent"]))
            if path:
                yield Written(path, "".join(f"{content}\n" for _, content in body))
            elif fence["language"] == "console":
                yield from _typed(body)
            path = ""


def _body(lines: Iterator[tuple[int, str]], indent: int) -> list[tuple[int, str]]:
    body = []
    for number, line in lines:
        if line.strip() == "```":
            break
        body.append((number, line[indent:]))
    return body


def _typed(body: Sequence[tuple[int, str]]) -> Iterator[Step]:
    step: Step | None = None
    for number, line in body:
        if step is not None and step.line.endswith("\\"):
            step.line = step.line[:-1] + line.strip()
        elif prompt := _PROMPT.fullmatch(line):
            if step is not None:
                yield _finished(step)
            step = Step(prompt["line"], number, prompt["who"] or "ada")
        elif step is not None:
            step.shown.append(line)
    if step is not None:
        yield _finished(step)


def _finished(step: Step) -> Step:
    if status := _STATUS.search(step.line):
        step.status = int(status["status"])
    step.line = _COMMENT.sub("", step.line)
    while step.shown and not step.shown[-1].strip():
        step.shown.pop()
    return step


class Stage:
    """Where a guide is played."""

    def __init__(self, text: str, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.text = text
        self.team = team_of(text, directory)
        self.programs = directory / "bin"
        self.programs.mkdir()
        clusters = shlex.quote(str(self.team.clusters.directory))
        script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tests.docs.guides --as-fleet {clusters} "$@"\n'
        (self.programs / "fleet").write_text(script)
        (self.programs / "fleet").chmod(0o755)

    def play(self) -> Iterator[tuple[Step, int, str]]:
        """Carry out one step after the other; yield each command with its status and output."""
        for step in steps_of(self.text):
            if isinstance(step, Written):
                path = self._home("ada") / step.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.content)
                continue
            if isinstance(step, Pushed):
                StoredRegistries(self.team.clusters.directory).push(step.repository, step.tag, step.kind)
                continue
            ended = subprocess.run(
                ["bash", "-c", step.line],
                cwd=self._home(step.who),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            yield step, ended.returncode, ended.stdout + ended.stderr

    def _home(self, who: str) -> Path:
        return self.team.people[who.capitalize()].root

    def _environment(self) -> dict[str, str]:
        own = {n: v for n, v in os.environ.items() if n not in IDENTITY_VARIABLES and not n.startswith("FLEET_")}
        path = f"{self.programs}{os.pathsep}{own.get('PATH', '')}"
        return own | {"PATH": path, "PYTHONPATH": str(ROOT), "GIT_PAGER": "cat"}


def check(guide: Path, directory: Path) -> None:
    """Play a guide; fail at the first command that does something else than the guide says."""
    for step, status, output in Stage(guide.read_text(), directory).play():
        where = f"{guide.name}:{step.number}: $ {step.line}\n"
        assert status == step.status, f"{where}exits with {status}, not {step.status}\n{output}"
        if step.shown:
            assert agrees(step.shown, output.splitlines()), f"{where}prints\n{output}"


def agrees(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Say whether the lines of a guide are what a command prints; `…` stands for what is left out."""
    pattern = "".join(_line_pattern(line) for line in shown)
    text = "".join(f"{line}\n" for line in map(_plain, printed) if line)
    return re.fullmatch(pattern, text) is not None


def _line_pattern(line: str) -> str:
    """Return the expression of a line. Empty lines are passed over on both sides."""
    plain = _plain(line)
    if plain == "…":
        return r"(?:.*\n)*?"
    if plain.endswith("…"):
        return re.escape(plain[:-1].rstrip()) + r".*\n"
    return re.escape(plain) + r"\n" if plain else ""


def _plain(line: str) -> str:
    """Return a line with commits and times in normal form, and columns one space apart."""
    return " ".join(normal(line).split())


def filled(text: str, directory: Path) -> str:
    """Return a guide with what its commands print now."""
    lines = text.splitlines()
    for step, status, output in reversed(list(Stage(text, directory).play())):
        if not _PROMPT.search(lines[step.number - 1]) or step.line.startswith("fleet reconcile"):
            continue
        if status != step.status:
            output += f"# exits with {status}\n"
        indent = " " * (len(lines[step.number - 1]) - len(lines[step.number - 1].lstrip()))
        at = step.number
        while lines[at - 1].endswith("\\"):
            at += 1
        end = at
        while lines[end].strip() != "```" and not _PROMPT.fullmatch(lines[end].strip()):
            end += 1
        lines[at:end] = [f"{indent}{line}".rstrip() for line in output.splitlines() if line.strip()]
    return "\n".join(lines) + "\n"


def _as_fleet(clusters: Path, arguments: Sequence[str]) -> int:
    """Be `fleet` for a guide: answers are yes, and reconciling is done by hand."""
    from fleet.cli.session import Session
    from tests.helpers.promoting import main as fleet

    if arguments[:1] == ["reconcile"]:
        _reconcile(Path.cwd(), StoredClusters(clusters), arguments[1:])
        return 0
    Session.confirm = _say_yes  # type: ignore[method-assign]
    return fleet([str(clusters), *arguments])


def _say_yes(*_arguments: object, **_options: object) -> None:
    """Answer any question."""


def _reconcile(root: Path, clusters: StoredClusters, arguments: Sequence[str]) -> None:
    """Put what the protected branch says on the clusters of the environments that are named."""
    from fleet.operations.common.desired import desired_states
    from fleet.operations.common.loading import load_fleet

    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    assert all(flag == "-e" for flag, _ in pairs), "a guide reconciles with `-e ENV` only"
    with Person(root, clusters).services() as services:
        fleet, tree = load_fleet(services["repository"], services["loader"], "main")
        states = desired_states(fleet, fleet.targets(), tree=tree, **only(services, desired_states)).states
    for environment in [name for _, name in pairs] or list(fleet.environments):
        for cluster in fleet.environments[environment].clusters:
            clusters.store(cluster, [m for t, s in states.items() if t.cluster == cluster for m in s.objects])


def main(arguments: Sequence[str]) -> int:
    """Fill in what the commands of a guide print."""
    if arguments[0] == "--as-fleet":
        return _as_fleet(Path(arguments[1]), list(arguments[2:]))
    for name in arguments:
        with tempfile.TemporaryDirectory() as directory:
            text = filled(Path(name).read_text(), Path(directory))
        Path(name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
