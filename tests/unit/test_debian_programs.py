"""The servers that tests talk to are found or fetched, and the answer is clear where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import debian


def test_a_program_on_the_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "prometheus"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert debian.program("prometheus") == own


def test_without_apt_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FLEET_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(debian.ProgramError, match="`prometheus` is not on PATH, and there is no apt"):
        debian.program("prometheus")
    assert not (tmp_path / "cache" / "debian" / "prometheus").exists()


def test_a_package_that_cannot_be_fetched_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("apt-get", "dpkg"):
        script = tmp_path / name
        script.write_text("#!/bin/sh\necho no network >&2\nexit 100\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FLEET_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(debian.ProgramError, match="no network"):
        debian.program("prometheus")
