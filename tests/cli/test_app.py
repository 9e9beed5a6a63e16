"""The command itself: help, version, usage errors and exit statuses, as a user meets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fleet import __version__
from fleet.cli.app import COMMANDS, build


def fleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run fleet as a process."""
    return subprocess.run(
        [sys.executable, "-m", "fleet", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_help_lists_every_command_with_its_summary() -> None:
    ended = fleet("--help")
    assert ended.returncode == 0
    width = max(len(entry.name) for entry in COMMANDS)
    for entry in COMMANDS:
        assert f"{entry.name.ljust(width)}  {entry.summary}" in ended.stdout


def test_no_arguments_show_the_help() -> None:
    assert "Start:" in (fleet().stdout + fleet().stderr)


def test_version() -> None:
    ended = fleet("--version")
    assert (ended.returncode, ended.stdout) == (0, f"fleet {__version__}\n")


def test_an_unknown_command_is_a_usage_error_with_a_suggestion() -> None:
    ended = fleet("statu")
    assert ended.returncode == 2
    assert "Did you mean 'status'?" in ended.stderr


def test_an_unknown_output_form_is_a_usage_error() -> None:
    ended = fleet("status", "-o", "xml")
    assert ended.returncode == 2
    assert "`-o xml` is not an output form" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_table_and_the_command_agree(entry) -> None:  # type: ignore[no-untyped-def]
    import typer

    root = typer.main.get_command(build(None, everything=True))
    command = root.commands[entry.name]  # type: ignore[attr-defined]
    first = (command.help or "").strip().splitlines()[0].rstrip(".")
    assert first == entry.summary.rstrip(".")


def _leaves(path: list[str], command):  # type: ignore[no-untyped-def]
    children = getattr(command, "commands", {})
    if not children:
        yield " ".join(path), command
    for name, child in children.items():
        yield from _leaves([*path, name], child)


def test_every_command_and_option_has_a_help_text() -> None:
    import typer

    root = typer.main.get_command(build(None, everything=True))
    silent = []
    for path, command in _leaves([], root):
        if not command.help:
            silent.append(path)
        silent += [f"{path} {p.name}" for p in command.params if getattr(p, "help", "x") is None]
    assert silent == []


def test_starting_up_does_not_import_heavy_libraries() -> None:
    heavy = {"rich", "pydantic", "git", "yaml", "jinja2", "httpx", "sqlalchemy", "pulumi", "grpc", "ruamel"}
    code = "import sys; from fleet.cli.app import run; run(['--help']); print('\\n'.join(sys.modules), file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(ended.stderr.split()) == set()


def test_output_that_cannot_be_written_is_not_taken_for_success() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([sys.executable, "-m", "fleet", "--version"], stdout=full, stderr=subprocess.PIPE)
    assert ended.returncode != 0


def test_a_report_that_cannot_be_written_is_a_usage_error(tmp_path) -> None:  # type: ignore[no-untyped-def]
    ended = fleet("toolchain", "list", "-o", f"json={tmp_path}/missing/report.json")
    assert ended.returncode == 2
    assert "cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr
