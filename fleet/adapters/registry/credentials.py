"""Credentials of registries: from environment variables, else from the configuration file of docker. Never shown.

The form of the file: https://docs.docker.com/reference/cli/docker/login/#credential-stores. Programs that it names
(`credsStore`, `credHelpers`) are not run.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.engine.references import DOCKER_HUB

LARGEST = 1024 * 1024
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password (or an access token in its place)."""

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The header of RFC 7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def variable(host: str) -> str:
    """Return what the names of the variables of a host begin with: `FLEET_REGISTRY_GHCR_IO`."""
    return "FLEET_REGISTRY_" + re.sub(r"[^A-Z0-9]", "_", host.upper())


class Keychain:
    """Finds credentials by the host that references name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._file: Mapping[str, Any] | None = None

    def find(self, host: str) -> Credentials | None:
        """Return the credentials of a registry; None: it is asked without."""
        name = variable(host)
        user, password = self._environment.get(f"{name}_USER"), self._environment.get(f"{name}_PASSWORD")
        if user and password and _usable(user, password):
            return Credentials(user, password)
        auths = self._docker().get("auths")
        for key in _keys(host):
            entry = auths.get(key) if isinstance(auths, dict) else None
            found = _decoded(entry) if isinstance(entry, dict) else None
            if found is not None:
                return found
        return None

    def hint(self, host: str) -> str:
        """Return how to give credentials of a host."""
        name = variable(host)
        text = f"set `{name}_USER` and `{name}_PASSWORD`, or log in with docker"
        docker = self._docker()
        helpers = docker.get("credHelpers")
        helper = docker.get("credsStore") or (helpers.get(host) if isinstance(helpers, dict) else None)
        return f"{text}; docker's credential helpers are not run" if helper else text

    def _docker(self) -> Mapping[str, Any]:
        if self._file is None:
            self._file = _read(self._path())
        return self._file

    def _path(self) -> Path | None:
        folder = self._environment.get("DOCKER_CONFIG")
        if folder:
            return Path(folder) / "config.json"
        home = self._environment.get("HOME")
        return Path(home) / ".docker" / "config.json" if home else None


def _read(path: Path | None) -> Mapping[str, Any]:
    """Return the file as data; nothing, if it is missing or is not what it should be."""
    try:
        if path is None or not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > LARGEST:
            return {}
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _keys(host: str) -> tuple[str, ...]:
    if host == DOCKER_HUB:
        return _HUB_KEYS
    return (host, f"https://{host}", f"https://{host}/", f"http://{host}", f"https://{host}/v1/", f"https://{host}/v2/")


def _decoded(entry: Mapping[str, Any]) -> Credentials | None:
    auth = entry.get("auth")
    user, password = entry.get("username"), entry.get("password")
    if isinstance(auth, str) and auth:
        try:
            user, _, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    if not isinstance(user, str) or not isinstance(password, str) or not _usable(user, password):
        return None
    return Credentials(user, password)


def _usable(user: str, password: str) -> bool:
    """Say whether a header can be made of it: a colon ends the user, and nothing breaks the line."""
    return bool(user and password) and ":" not in user and (user + password).isprintable()
