from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.git import IDENTITY_VARIABLES
from tests.helpers.promoting import Team


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Ada and Bob, with one app that runs everywhere; dev takes releases as commits, prod needs an approval."""
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    made = Team(tmp_path, dev="{releases: direct}", prod="{approvals: 1}")
    made.reconcile("dev", "staging", "prod")
    return made
