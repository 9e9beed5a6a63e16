"""Settings that hold for every test: no terminal, no colour, a fixed git identity, nobody's real configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fleet.bootstrap import paths

settings.register_profile("default", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_TOOLS = paths.cache_directory()
_FOLDER_MARKERS = ("integration", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder."""
    root = Path(__file__).parent
    for item in items:
        folder = Path(item.path).relative_to(root).parts[0]
        if folder in _FOLDER_MARKERS:
            item.add_marker(getattr(pytest.mark, folder))


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each test a HOME of its own, a git identity and an 80-column terminal without colour."""
    home = tmp_path_factory.mktemp("home")
    for name in [n for n in os.environ if n.startswith(("FLEET_", "GIT_", "PULUMI_")) and not _kept(n)]:
        monkeypatch.delenv(name)
    values = {
        "HOME": str(home),
        "FLEET_CACHE_DIR": str(_TOOLS),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "TZ": "UTC",
        "PYTHONUTF8": "1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def _kept(name: str) -> bool:
    return name.startswith(("FLEET_TEST_", "FLEET_TOOL_")) or name in ("FLEET_CACHE_DIR", "FLEET_CORPUS")
