"""The `fleet` command: global options, the table of commands, and the one place that turns errors into exit codes.

Only the module of the command that is called is imported; for the others the table below is enough to list them,
so that `fleet --help` and short commands start fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from fleet import __version__
from fleet.cli.session import Session, Settings
from fleet.errors import ExitCode, FleetError, InternalError

START, LOOK, CHANGE, OPERATE = "Start", "Look", "Change", "Operate"


@dataclass(frozen=True)
class Entry:
    """One command of the table. Its module has a function ``register(app: typer.Typer) -> None``."""

    name: str
    panel: str
    summary: str

    @property
    def module(self) -> str:
        """Module that registers the command."""
        return f"fleet.cli.commands.{self.name.replace('-', '_')}"


COMMANDS = (
    Entry("init", START, "Write a new fleet that works as it is, and commit it."),
    Entry("sandbox", START, "Start and stop local throw-away clusters."),
    Entry("demo", START, "Play the whole story on the sandbox: release, promote, reconcile, drift, rollback."),
    Entry("validate", START, "Check everything that the fleet declares and renders, and report every problem at once."),
    Entry("test", START, "Test the policies of the fleet: put scenarios before the gates, and compare what these say."),
    Entry("status", LOOK, "Show every environment: releases, health, drift and open promotions."),
    Entry("diff", LOOK, "Compare desired state (git) with live state (API server)."),
    Entry("drift", LOOK, "Show what changed on the clusters behind git's back."),
    Entry("env", LOOK, "Compare environments."),
    Entry("explain", LOOK, "Show where each value, image and the release of a target come from, and what they hide."),
    Entry("history", LOOK, "Show what was released, promoted and rolled back, from git alone."),
    Entry("plan", LOOK, "Show every promotion that could happen, what is in its way, and from when on."),
    Entry("why", LOOK, "Explain what is in the way of one app on its way into an environment."),
    Entry("audit", LOOK, "Read and check the ledger of decisions."),
    Entry("replay", LOOK, "Show why a past promotion was allowed, by deciding it again from git alone."),
    Entry(
        "dora",
        LOOK,
        "Measure deployment frequency, lead time, change failure rate and time to recovery, from git alone.",
    ),
    Entry("locks", LOOK, "List locks, holds and rejected releases: who, why, since and until when."),
    Entry("release", CHANGE, "Put a new release of an app into the first environment."),
    Entry("releases", CHANGE, "Find newer images in registries, and propose them to the first environment."),
    Entry("promote", CHANGE, "Move releases to the next environment by pull request."),
    Entry("promotions", CHANGE, "Move every promotion that may go one step further, for cron and CI."),
    Entry("rollback", CHANGE, "Go back to an earlier release by pull request."),
    Entry("lock", CHANGE, "Keep promotions from landing: of an app, into an environment, or in the whole fleet."),
    Entry("unlock", CHANGE, "Remove a lock, so that promotions go on."),
    Entry("hold", CHANGE, "Keep an app as it is in an environment, until somebody releases the hold."),
    Entry("release-hold", CHANGE, "Let promotions of an app into an environment through again."),
    Entry("reject", CHANGE, "Reject a release: it goes nowhere any more, and what would bring it is withdrawn."),
    Entry("pr", CHANGE, "Review and merge pull requests of the local forge."),
    Entry("reconcile", CHANGE, "Make live state equal desired state, wave by wave."),
    Entry("toolchain", OPERATE, "Find, install and list the external programs that fleet drives."),
    Entry("pulumi", OPERATE, "Run the Pulumi command line on a stack of the fleet."),
    Entry("schema", OPERATE, "Print the JSON Schema of a kind of fleet file, for editors and other tools."),
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"fleet {__version__}\n")
        raise typer.Exit


def global_options(
    context: typer.Context,
    repo: Annotated[
        Path, typer.Option("-C", "--repo", envvar="FLEET_REPO", metavar="PATH", help="Directory of the fleet.")
    ] = Path(),
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Tell more; repeat for more yet.")] = 0,
    quiet: Annotated[int, typer.Option("-q", "--quiet", count=True, help="Tell less.")] = 0,
    color: Annotated[
        str, typer.Option("--color", envvar="FLEET_COLOR", metavar="WHEN", help="`auto`, `always` or `never`.")
    ] = "auto",
    no_progress: Annotated[
        bool, typer.Option("--no-progress", envvar="FLEET_NO_PROGRESS", help="Draw no progress bars.")
    ] = False,
    no_input: Annotated[
        bool, typer.Option("--no-input", envvar="FLEET_NO_INPUT", help="Never ask; fail where an answer is needed.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", envvar="FLEET_DEBUG", help="Show tracebacks.", hidden=True)] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Take the global options into the session; the help text of `fleet` is :func:`_overview`."""
    del version  # its callback has ended the command
    session: Session = context.obj
    session.with_settings(
        repository=repo,
        verbosity=verbose - quiet,
        color=color,
        progress=not no_progress,
        input=not no_input,
        debug=debug,
    )


def build(wanted: str | None, *, everything: bool = False) -> typer.Typer:
    """Return the application with the wanted command (or everything) fully registered."""
    app = typer.Typer(
        name="fleet",
        no_args_is_help=True,
        add_completion=everything or wanted in (None, "--install-completion", "--show-completion"),
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown" if everything else None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(help=_overview())(global_options)
    for entry in COMMANDS:
        if everything or entry.name == wanted:
            import_module(entry.module).register(app)
        else:
            app.command(entry.name, help=entry.summary, hidden=True)(_stub)
    return app


def _overview() -> str:
    """Return the help text of `fleet` itself: commands grouped by what people want to do.

    Written here rather than by typer, whose grouped help needs rich and takes longer than most commands.
    """
    width = max(len(entry.name) for entry in COMMANDS)
    blocks = ["Promote releases from dev to prod by pull request, and reconcile every cluster."]
    for panel in dict.fromkeys(entry.panel for entry in COMMANDS):
        lines = [f"  {entry.name.ljust(width)}  {entry.summary}" for entry in COMMANDS if entry.panel == panel]
        blocks.append("\n".join(["\b", f"{panel}:", *lines]))
    return "\n\n".join(blocks)


def _stub() -> None:
    raise InternalError("a command that was not loaded was called")


_WITH_VALUE = ("-C", "--repo", "--color")


def _wanted(arguments: Sequence[str]) -> str | None:
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _WITH_VALUE:
            skip = True
        elif not argument.startswith("-"):
            return argument
    return None


def run(arguments: Sequence[str]) -> int:
    """Run one invocation and return its exit status. The only place where errors become exit statuses."""
    session = Session(Settings())
    app = build(_wanted(arguments), everything=_completing())
    try:
        app(list(arguments), obj=session, prog_name="fleet")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ExitCode.OK if ending.code is None else ExitCode.NO)
    except FleetError as error:
        if session.settings.debug:
            raise
        session.fail(error)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except Exception as error:
        if session.settings.debug:
            raise
        session.fail(_bug(error))
        return int(ExitCode.BUG)
    finally:
        session.close()
    return int(ExitCode.OK)


def _completing() -> bool:
    """Say whether the shell asks for completions: then every command has to be known."""
    return any(name.endswith("_COMPLETE") for name in os.environ)


def _bug(error: Exception) -> InternalError:
    """Return an unexpected exception as an error that says so. Its text may hold data, so only its type is told."""
    return InternalError(
        f"fleet met an unexpected {type(error).__name__}; this is a bug in fleet",
        hints=("run the command again with `fleet --debug …` and report the traceback",),
    )
