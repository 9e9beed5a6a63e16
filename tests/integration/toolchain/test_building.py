"""Builds from Go modules, with a real `go` and a module proxy made of files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.adapters.toolchain.building import MODULES
from fleet.adapters.toolchain.catalogue import Build
from fleet.adapters.toolchain.toolchain import Toolchain
from fleet.errors import ToolError
from fleet.model.events import Advanced, Started
from fleet.model.toolchain import Source
from tests.helpers.programs import hammer
from tests.helpers.reporting import RecordingReporter

MODULE = "example.com/hammer"
MAIN = """package main

var Version = "0.0.0"

func main() { println("hammer version v" + Version) }
"""
BUILD = Build("hammer", MODULE, {"main.Version": "1.2.3"})

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="needs Go on PATH")


@pytest.fixture(scope="module")
def go_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One build cache for all tests here: compiling Go's runtime takes seconds."""
    return tmp_path_factory.mktemp("go-build")


@pytest.fixture
def environment(tmp_path: Path, go_cache: Path) -> dict[str, str]:
    """A world in which modules come from files."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GOPROXY": f"file://{tmp_path / 'proxy'}",
        "GOSUMDB": "off",
        "GOCACHE": str(go_cache),
        "GOMODCACHE": str(tmp_path / "modules"),
        "GOFLAGS": "-modcacherw",
    }


@pytest.fixture
def modules(tmp_path: Path, environment: Mapping[str, str]) -> Path:
    """A module directory like the shipped ones, whose only dependency the proxy has."""
    files = {"go.mod": f"module {MODULE}\n\ngo 1.21\n", "main.go": MAIN}
    proxy = tmp_path / "proxy" / MODULE / "@v"
    proxy.mkdir(parents=True)
    (proxy / "list").write_text("v1.2.3\n")
    (proxy / "v1.2.3.info").write_text('{"Version":"v1.2.3"}')
    (proxy / "v1.2.3.mod").write_text(files["go.mod"])
    with zipfile.ZipFile(proxy / "v1.2.3.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{MODULE}@v1.2.3/{name}", text)
    directory = tmp_path / "gomod" / "hammer"
    directory.mkdir(parents=True)
    (directory / "go.mod").write_text(
        f"module fleet.example/toolchain/hammer\n\ngo 1.24\n\ntool {MODULE}\n\nrequire {MODULE} v1.2.3 // indirect\n"
    )
    subprocess.run(["go", "mod", "tidy"], cwd=directory, env=dict(environment), check=True, capture_output=True)
    assert MODULE in (directory / "go.sum").read_text()
    return directory.parent


def toolchain(
    tmp_path: Path, environment: Mapping[str, str], modules: Path, reporter: RecordingReporter | None = None
) -> Toolchain:
    return Toolchain(
        tmp_path / "cache",
        {},
        reporter or RecordingReporter(),
        environment=environment,
        catalogue=(hammer(build=BUILD),),
        modules=modules,
    )


def test_a_program_is_built_with_its_version_and_all_progress_is_counted(
    tmp_path: Path, environment: dict[str, str], modules: Path
) -> None:
    reporter = RecordingReporter()
    built = toolchain(tmp_path, environment, modules, reporter).install(["hammer"])[0]
    assert (built.source, built.version) == (Source.BUILD, "1.2.3")
    assert "1.2.3" in subprocess.run([built.path], capture_output=True, text=True, check=True).stderr
    started = [event for event in reporter.events if isinstance(event, Started)]
    assert started[-1].title == "compile hammer 1.2.3 (packages)"
    advanced = sum(isinstance(event, Advanced) for event in reporter.events)
    assert advanced >= started[-1].total > 0
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["bin", "locks", "versions.json", "work"]
    assert not list((tmp_path / "cache" / "work").iterdir())


def test_a_module_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, environment: dict[str, str], modules: Path
) -> None:
    proxy = tmp_path / "proxy" / MODULE / "@v" / "v1.2.3.zip"
    with zipfile.ZipFile(proxy, "w") as archive:
        archive.writestr(f"{MODULE}@v1.2.3/go.mod", f"module {MODULE}\n\ngo 1.21\n")
        archive.writestr(f"{MODULE}@v1.2.3/main.go", MAIN.replace("hammer", "anvil"))
    shutil.rmtree(tmp_path / "modules")
    with pytest.raises(ToolError, match="SECURITY ERROR"):
        toolchain(tmp_path, environment, modules).install(["hammer"])


def test_an_unreachable_module_proxy_is_noticed_before_go_waits_for_it(
    tmp_path: Path, environment: dict[str, str], modules: Path
) -> None:
    shutil.rmtree(tmp_path / "modules")
    nowhere = environment | {"GOPROXY": "http://127.0.0.1:1,direct"}
    with pytest.raises(ToolError) as caught:
        toolchain(tmp_path, nowhere, modules).install(["hammer"])
    assert "no module proxy can be reached (http://127.0.0.1:1:" in caught.value.message


def test_modules_in_gos_own_cache_need_no_proxy(tmp_path: Path, environment: dict[str, str], modules: Path) -> None:
    toolchain(tmp_path, environment, modules).install(["hammer"])
    nowhere = environment | {"GOPROXY": "http://127.0.0.1:1"}
    shutil.rmtree(tmp_path / "cache")
    assert toolchain(tmp_path, nowhere, modules).install(["hammer"])[0].source is Source.BUILD


def test_settings_of_the_user_do_not_reach_the_build(
    tmp_path: Path, environment: dict[str, str], modules: Path
) -> None:
    odd = environment | {"GOFLAGS": "-mod=vendor -tags=odd", "GOOS": "plan9", "GOWORK": "/nowhere/go.work"}
    assert toolchain(tmp_path, odd, modules).install(["hammer"])[0].source is Source.BUILD


_INSTALL = """
import os, signal, sys
from pathlib import Path
from fleet.adapters.toolchain.toolchain import Toolchain
from fleet.model.events import Started
from tests.helpers.programs import hammer
from tests.integration.toolchain.test_building import BUILD

class Killer:
    def emit(self, event):
        if isinstance(event, Started) and event.title.startswith("compile"):
            os.kill(os.getpid(), signal.SIGKILL)

tools = Toolchain(Path(sys.argv[1]), {}, Killer(), catalogue=(hammer(build=BUILD),), modules=Path(sys.argv[2]))
tools.install(["hammer"])
"""


def test_an_install_that_was_killed_can_be_repeated(tmp_path: Path, environment: dict[str, str], modules: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _INSTALL, str(tmp_path / "cache"), str(modules)],
        env=environment,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert list((tmp_path / "cache" / "work").iterdir())
    assert toolchain(tmp_path, environment, modules).install(["hammer"])[0].source is Source.BUILD
    assert not list((tmp_path / "cache" / "work").iterdir())


def test_a_module_of_ours_stands_in_for_another(tmp_path: Path, environment: dict[str, str], modules: Path) -> None:
    ours = modules / "hammer" / "ours"
    ours.mkdir()
    (ours / "go.mod").write_text(f"module {MODULE}\n\ngo 1.21\n")
    (ours / "main.go").write_text(MAIN.replace("hammer version", "light hammer version"))
    with (modules / "hammer" / "go.mod").open("a") as file:
        file.write(f"\nreplace {MODULE} => ./ours\n")
    built = toolchain(tmp_path, environment, modules).install(["hammer"])[0]
    assert "light hammer" in subprocess.run([built.path], capture_output=True, text=True, check=True).stderr


def test_what_was_built_in_another_way_is_built_again(
    tmp_path: Path, environment: dict[str, str], modules: Path
) -> None:
    before = toolchain(tmp_path, environment, modules).install(["hammer"])[0]
    tool = hammer(build=replace(BUILD, revision=2))
    after = Toolchain(
        tmp_path / "cache", {}, RecordingReporter(), environment=environment, catalogue=(tool,), modules=modules
    ).install(["hammer"])[0]
    assert (after.source, after.path.name) == (Source.BUILD, "hammer")
    assert after.path != before.path
    assert before.path.exists()


_STRENGTH = """package zxcvbn

import "testing"

func TestStrength(t *testing.T) {
	for text, bits := range map[string]float64{"": 0, "abcd": 18.8, "aB3-": 26.3, "correct-horse": 76.4} {
		if got := PasswordStrength(text, nil).Entropy; got < bits-0.1 || got > bits+0.1 {
			t.Errorf("%q: %f bits, not %f", text, got, bits)
		}
	}
}
"""


@pytest.mark.parametrize("copy", ["ccojocar", "nbutton23"])
def test_the_stand_in_for_zxcvbn_rates_by_length_and_alphabet(
    copy: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    shutil.copytree(MODULES / "pulumi" / "strength" / copy, tmp_path / copy)
    (tmp_path / copy / "strength_test.go").write_text(_STRENGTH)
    done = subprocess.run(
        ["go", "test", "./..."], cwd=tmp_path / copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
