"""The sandbox without clusters: what it refuses, and its git host."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from fleet.adapters.sandbox.kwok import KwokSandbox
from fleet.adapters.sandbox.layout import Layout
from fleet.adapters.sandbox.origin import Origin
from fleet.errors import SandboxError, ToolError, UsageError
from fleet.model.toolchain import ToolStatus
from fleet.operations import sandbox as operation
from tests.helpers.reporting import RecordingReporter, SilentReporter


class Tools:
    """Has every program, or none."""

    def __init__(self, present: bool = True) -> None:
        self._present = present

    def path(self, name: str) -> Path:
        if not self._present:
            raise ToolError(f"`{name}` is not installed", hints=("fleet toolchain install",))
        return Path("/bin/false")

    def list(self) -> Sequence[ToolStatus]:
        return ()


class Demo:
    def write(self, directory: Path) -> None:
        (directory / "fleet.yaml").write_text("name: demo\n")


def git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, text=True).stdout


def sandbox(root: Path, *, present: bool = True) -> KwokSandbox:
    return KwokSandbox(root, Tools(present), SilentReporter(), seconds=20)


def test_missing_programs_stop_the_start_with_the_command_that_installs_them(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    with pytest.raises(SandboxError) as caught:
        operation.up((), 3, sandbox=sandbox(tmp_path / "s", present=False), demo=None, reporter=reporter)
    assert caught.value.code == "FLT-SBX-001"
    assert "kube-apiserver" in caught.value.message
    assert caught.value.hints == ("fleet toolchain install",)
    assert not (tmp_path / "s").exists()


def test_a_directory_with_other_things_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "fleet").mkdir()
    with pytest.raises(SandboxError, match="is not a sandbox of fleet"):
        sandbox(tmp_path).up(["one"])
    assert sandbox(tmp_path).down().empty
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fleet", "thesis.txt"]


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    box = sandbox(tmp_path / "nothing")
    assert box.status().clusters == ()
    assert not box.status().ready
    assert box.down().empty
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", ["Dev", "a/b", "..", "x" * 39])
def test_bad_cluster_names_are_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        sandbox(tmp_path / "s").up([name])
    assert not (tmp_path / "s").exists()


def test_a_kwokctl_that_fails_is_reported_with_the_place_of_the_logs_and_leaves_nothing(tmp_path: Path) -> None:
    box = sandbox(tmp_path / "s")
    with pytest.raises(SandboxError, match="cluster `one` did not become ready: `kwokctl create` failed") as caught:
        box.up(["one"])
    assert any("logs" in hint for hint in caught.value.hints)
    assert box.status().clusters[0].state == "down"
    assert box.down().clusters == ("one",)
    assert not (tmp_path / "s").exists()


def _layout(root: Path) -> Layout:
    layout = Layout(root)
    layout.home.mkdir(parents=True)
    layout.temporary.mkdir()
    return layout


def test_the_git_host_gets_the_demo_fleet_and_a_clone(tmp_path: Path) -> None:
    layout = _layout(tmp_path)
    assert Origin(layout).seed(Demo())
    assert git(layout.origin, "show", "main:fleet.yaml") == "name: demo\n"
    assert git(layout.fleet, "status", "--porcelain", "--branch").startswith("## main...origin/main")
    assert git(layout.fleet, "config", "remote.origin.url").strip() == str(layout.origin)
    assert not Origin(layout).seed(Demo())


def test_a_demo_fleet_may_commit_by_itself(tmp_path: Path) -> None:
    class Committing(Demo):
        def write(self, directory: Path) -> None:
            super().write(directory)
            git(directory, "add", ".")
            git(directory, "commit", "--message", "first")

    layout = _layout(tmp_path)
    Origin(layout).seed(Committing())
    assert git(layout.origin, "log", "--format=%s", "main") == "first\n"


def test_a_half_made_git_host_is_completed(tmp_path: Path) -> None:
    layout = _layout(tmp_path)

    class Dying(Demo):
        def write(self, directory: Path) -> None:
            super().write(directory)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Origin(layout).seed(Dying())
    assert not Origin(layout).exists
    assert Origin(layout).seed(Demo())
    layout.fleet.rename(tmp_path / "elsewhere")
    assert Origin(layout).seed(Dying())  # the origin is whole, so only the clone is made
    assert (layout.fleet / "fleet.yaml").read_text() == "name: demo\n"


def test_changes_in_the_clone_are_noticed_before_they_are_removed(tmp_path: Path) -> None:
    box = sandbox(tmp_path / "s")
    layout = _layout(tmp_path / "s")
    layout.marker.write_text("{}")
    Origin(layout).seed(Demo())
    assert box.leftovers().unsaved == ()
    (layout.fleet / "mine.yaml").write_text("work: true\n")
    assert box.leftovers().unsaved == ("mine.yaml",)
    box.down()
    assert not (tmp_path / "s").exists()
