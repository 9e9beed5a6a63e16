"""`fleet demo`: the main job on real parts, as commands that a person would type."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import typer

from fleet.cli import options
from fleet.cli.session import Session
from fleet.model.durations import human

if TYPE_CHECKING:
    from fleet.cli.story import Stage


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel="Start")(demo)


def demo(ctx: typer.Context, yes: options.Yes = False) -> None:
    """Play the whole story on the sandbox: release, promote, reconcile, drift, rollback.

    Starts a fresh sandbox (four real Kubernetes control planes on this machine and a bare git origin; a sandbox
    that is there already is removed first, after a question), then runs each step as the command that you would
    type, with its real output. The sandbox is left running, so that you can go on.

    \b
    Examples:
      fleet demo          # stops after each chapter
      fleet demo --yes    # plays to the end without asking

    Exit codes: 0 the story was played · 1 a step failed · 5 the toolchain cannot be had.
    """
    from fleet.cli.story import STORY

    session = Session.of(ctx)
    started = time.monotonic()
    stage = _prepare(session, yes)
    for number, chapter in enumerate(STORY, start=1):
        session.terminal.print(f"\n━━ {number}. {chapter.title} ━━", "bold cyan")
        session.terminal.print(chapter.why)
        for step in chapter.steps:
            stage.run(step, session.terminal)
        if number < len(STORY):
            _pause(session, yes)
    _farewell(session, stage, time.monotonic() - started)


def _prepare(session: Session, yes: bool) -> Stage:
    """Start a fresh sandbox and return the stage."""
    from fleet.bootstrap import paths
    from fleet.cli.story import Stage, Step

    sandbox = paths.sandbox_directory()
    kubectl = session.services.toolchain.path("kubectl")
    stage = Stage(sandbox, kubectl, os.environ | {"KUBECONFIG": str(sandbox / "kubeconfig")})
    if sandbox.exists():
        session.confirm("The demo starts with a fresh sandbox. Remove the one that is there?", yes=yes)
        stage.run(Step("fleet sandbox down --yes"), session.terminal)
    stage.run(Step("fleet sandbox up"), session.terminal)
    return stage


def _pause(session: Session, yes: bool) -> None:
    if not yes and session.settings.input and sys.stdin.isatty():
        session.terminal.talk("\n[press Enter to go on, Ctrl-C to stop] ", end="", style="dim")
        sys.stdin.readline()


def _farewell(session: Session, stage: Stage, seconds: float) -> None:
    """Say how long it took and what to try next."""
    show = session.terminal.print
    show(f"\n━━ That was the whole story, in {human(seconds)} ━━", "bold cyan")
    show("The sandbox is still running. Try:")
    show(f"  cd {stage.clone}")
    show("  fleet diff -e prod                        # desired against live")
    show("  fleet env diff dev prod                   # what prod does not have yet")
    show("  fleet explain bookinfo -e prod -c prod-eu # where each value comes from")
    show("  fleet pulumi -- stack ls                  # Pulumi's own view of the same stacks")
    show("  fleet sandbox down                        # remove all of it")
