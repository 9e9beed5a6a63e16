"""Where fleet keeps things on this machine. The only place that knows the directories and their variables."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path


def cache_directory() -> Path:
    """Return the directory of things that can be fetched or built again: the toolchain (``FLEET_CACHE_DIR``)."""
    configured = os.environ.get("FLEET_CACHE_DIR")
    return Path(configured).expanduser().resolve() if configured else user_cache_path("fleet")


def state_directory() -> Path:
    """Return the directory of this user's sandbox (``FLEET_STATE_DIR``)."""
    configured = os.environ.get("FLEET_STATE_DIR")
    return Path(configured).expanduser().resolve() if configured else user_state_path("fleet")


def sandbox_directory() -> Path:
    """Return the directory of the sandbox."""
    return state_directory() / "sandbox"


def fleet_state(root: Path) -> Path:
    """Return the directory of a fleet's local state; all of it can be deleted and is rebuilt."""
    return root / ".fleet"
