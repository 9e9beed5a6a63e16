"""The story that `fleet demo` plays: chapters of commands that a person could type, and how they are run.

Each command runs as a process of its own in the sandbox's clone, so what is shown is what a user would see.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import FleetError

if TYPE_CHECKING:
    from fleet.console.terminal import Terminal

REVIEWS_V3 = "docker.io/istio/examples-bookinfo-reviews-v3:1.20.3"
DETAILS_BY_HAND = "docker.io/istio/examples-bookinfo-details-v2:1.20.3"


@dataclass(frozen=True)
class Step:
    """One command line, and the exit status that belongs to it."""

    line: str
    """As a person would type it; `fleet` and `kubectl` are replaced by the programs of this installation."""
    person: str = ""
    """Who types it, where that matters: approvals by the author do not count."""
    expect: int = 0


@dataclass(frozen=True)
class Chapter:
    """A part of the story, with a sentence that says why."""

    title: str
    why: str
    steps: tuple[Step, ...] = field(default_factory=tuple)


STORY = (
    Chapter(
        "Everything is in git",
        "The fleet declares four clusters in three environments, and one app: BookInfo.",
        (Step("fleet validate"), Step("fleet reconcile --yes"), Step("fleet status")),
    ),
    Chapter(
        "A new release enters dev",
        "CI built reviews v3. Its release goes to dev as a commit; only dev changes.",
        (
            Step(f"fleet release bookinfo --bump minor --image reviews={REVIEWS_V3} --yes"),
            Step("fleet reconcile --yes"),
        ),
    ),
    Chapter(
        "Promote to staging",
        "dev is healthy at exactly that release, so it may move on: one pull request, with the rendered diff.",
        (
            Step("fleet promote bookinfo --to staging --yes"),
            Step("fleet pr show 1"),
            Step("fleet pr merge 1 --yes"),
            Step("fleet reconcile -e staging --yes"),
        ),
    ),
    Chapter(
        "Promote to prod, wave by wave",
        "prod asks for an approval by somebody else. Europe goes first; America follows when Europe is healthy.",
        (
            Step("fleet promote bookinfo --to prod --yes"),
            Step("fleet pr merge 2 --yes", expect=4),
            Step("fleet pr approve 2", person="Grace"),
            Step("fleet pr merge 2 --yes"),
            Step("fleet reconcile -e prod --yes"),
        ),
    ),
    Chapter(
        "Somebody edits a live object",
        "Drift is seen and explained: which field, by whom, and when. Git wins.",
        (
            Step(f"kubectl --context prod-eu -n bookinfo set image deployment/details details={DETAILS_BY_HAND}"),
            Step("fleet drift"),
            Step("fleet reconcile -e prod --yes"),
            Step("fleet drift"),
        ),
    ),
    Chapter(
        "Roll back",
        "A rollback is a promotion to an earlier release: the same review, and history is never rewritten.",
        (
            Step("fleet rollback bookinfo --env prod --yes"),
            Step("fleet pr approve 3", person="Grace"),
            Step("fleet pr merge 3 --yes"),
            Step("fleet reconcile -e prod --yes"),
            Step("fleet status"),
            Step("fleet history"),
        ),
    ),
)


@dataclass(frozen=True)
class Stage:
    """Where the story is played."""

    sandbox: Path
    """Directory of the sandbox."""
    kubectl: Path
    environment: Mapping[str, str]

    @property
    def clone(self) -> Path:
        """The sandbox's clone of the demo fleet: where a person would stand."""
        return self.sandbox / "fleet"

    def run(self, step: Step, terminal: Terminal) -> None:
        """Show a step and run it; its output goes straight to the terminal.

        Raises:
            FleetError: it ended with another status than it should.
        """
        comment = f"   # as {step.person}" if step.person else ""
        terminal.print(f"\n$ {step.line}{comment}", "bold green")
        terminal.flush()
        program, *arguments = shlex.split(step.line)
        command = [str(self.kubectl)] if program == "kubectl" else [sys.executable, "-m", "fleet"]
        ended = subprocess.run(
            [*command, *arguments],
            cwd=self.clone if self.clone.exists() else Path.cwd(),
            env=self._environment(step),
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if ended.returncode in (130, -2):
            raise KeyboardInterrupt
        if ended.returncode != step.expect:
            raise FleetError(
                f"`{step.line}` ended with exit status {ended.returncode}, not {step.expect}",
                code="FLT-DEM-001",
                hints=(f"try it yourself in {self.clone}", "start over with `fleet demo`"),
            )

    def _environment(self, step: Step) -> dict[str, str]:
        environment = dict(self.environment)
        if step.person:
            email = f"{step.person.lower()}@example.com"
            for role in ("AUTHOR", "COMMITTER"):
                environment |= {f"GIT_{role}_NAME": step.person, f"GIT_{role}_EMAIL": email}
        return environment
