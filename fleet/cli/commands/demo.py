"""`fleet demo`: the main job on real parts, as commands that a person would type."""

from __future__ import annotations

import os
import sys
import time

import typer

from fleet.cli import options
from fleet.cli.session import Session
from fleet.errors import ExitCode


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
        _pause(session, yes)
    _farewell(session, stage, time.monotonic() - started)
    session.exit(ExitCode.OK)


def _prepare(session: Session, yes: bool):  # type: ignore[no-untyped-def]
    """Start a fresh sandbox and return the stage."""
    raise NotImplementedError


def _pause(session: Session, yes: bool) -> None:
    if not yes and session.settings.input and sys.stdin.isatty():
        session.terminal.err.print("\n[press Enter to go on, Ctrl-C to stop]", end="", style="dim")
        input()


def _farewell(session: Session, stage: object, seconds: float) -> None:
    _ = (os, stage, seconds)
