"""What every command works with: settings, services, output and prompts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from fleet.console.terminal import Terminal
from fleet.errors import ExitCode, FleetError, UsageError
from fleet.model.events import Level

if TYPE_CHECKING:
    from fleet.bootstrap.services import Services
    from fleet.ports.reporter import Reporter


@dataclass(frozen=True)
class Settings:
    """Global options of one invocation."""

    repository: Path = Path()
    color: str = "auto"
    verbosity: int = 0
    progress: bool = True
    input: bool = True
    debug: bool = False


@dataclass(frozen=True)
class Output:
    """Where and how the report of a command goes: `-o json`, `-o json=FILE`."""

    form: str = "table"
    file: Path | None = None

    @property
    def machine(self) -> bool:
        """Whether stdout carries JSON or YAML and nothing else."""
        return self.form in ("json", "yaml") and self.file is None

    @classmethod
    def parse(cls, text: str) -> Output:
        """Parse the value of `-o`.

        Raises:
            UsageError: the form is not one that fleet has.
        """
        form, _, file = text.partition("=")
        filed = ("json", "yaml", "junit")
        if form not in ("table", "wide", "name", "github", *filed) or (file and form not in filed):
            raise UsageError(
                f"`-o {text}` is not an output form",
                hints=("use `table`, `wide`, `json` or `yaml`; `json=FILE` also writes a file",),
            )
        return cls(form, Path(file) if file else None)


class Session:
    """One invocation of one command."""

    def __init__(self, settings: Settings, output: Output | None = None) -> None:
        self.settings = settings
        self.output = output or Output()
        self._hide_warnings: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, context: typer.Context, output: str = "table") -> Session:
        """Return the session of the running command, with its output form."""
        session: Session = context.find_root().obj
        session.output = Output.parse(output)
        return session

    @cached_property
    def terminal(self) -> Terminal:
        """Where all output goes."""
        return Terminal(color=self.settings.color, verbosity=self.settings.verbosity, progress=self.settings.progress)

    @cached_property
    def reporter(self) -> Reporter:
        """Where operations tell what they do: progress on stderr."""
        from fleet.console.reporter import TerminalReporter

        return TerminalReporter(self.terminal, quiet=self.output.machine)

    @cached_property
    def services(self) -> Services:
        """The wired adapters of the fleet repository, each made when first used."""
        from fleet.bootstrap.services import Services
        from fleet.console.logs import show_warnings

        self._hide_warnings = show_warnings(lambda: self.reporter)
        return Services(self.settings.repository, self.reporter)

    def show(
        self,
        schema: str,
        data: Any,
        text: Callable[[Terminal], None],
        *,
        ok: bool = True,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        """Print a report: the envelope with `-o json|yaml`, otherwise what ``text`` prints."""
        if self.output.form in ("json", "yaml"):
            from fleet.console.output import envelope, serialise

            document = serialise(envelope(schema, data, ok=ok, errors=errors), self.output.form)
            if self.output.file is None:
                self.terminal.write(document)
                return
            try:
                self.output.file.write_text(document + "\n")
            except OSError as error:
                raise UsageError(f"`{self.output.file}` cannot be written: {error.strerror}") from error
        text(self.terminal)

    def next(self, text: str) -> None:
        """Say what a person would do next; never in machine output."""
        if not self.output.machine:
            self.terminal.say(Level.HINT, f"next: {text}")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something shared changes; the default is No.

        Raises:
            UsageError: there is no terminal to ask on, and `--yes` was not given.
            typer.Exit: the answer was no.
        """
        if yes:
            return
        if not self.settings.input or self.output.machine or not sys.stdin.isatty():
            raise UsageError(f"{question} needs an answer, and there is no terminal to ask on", hints=("add `--yes`",))
        while True:
            self.terminal.talk(f"{question} [y/N] ", end="")
            answer = input().strip().lower()
            if answer in ("y", "yes"):
                return
            if answer in ("", "n", "no"):
                self.terminal.say(Level.WARN, "nothing was changed")
                raise typer.Exit(ExitCode.NO)

    def exit(self, code: ExitCode) -> NoReturn:
        """End the command with this status."""
        raise typer.Exit(int(code))

    def fail(self, error: FleetError) -> None:
        """Print an error in the form that the command's output has."""
        from fleet.console.errors import show_error
        from fleet.console.output import envelope, error_data, serialise

        if self.output.machine:
            document = envelope("fleet.error/v1", None, ok=False, errors=error_data(error))
            self.terminal.write(serialise(document, self.output.form))
        else:
            show_error(self.terminal, error)

    def close(self) -> None:
        """Stop what the command started."""
        services = self.__dict__.get("services")
        if services is not None:
            services.close()
            self._hide_warnings()

    def with_settings(self, **changes: Any) -> None:
        """Change global settings, before anything was made from them."""
        self.settings = replace(self.settings, **changes)
