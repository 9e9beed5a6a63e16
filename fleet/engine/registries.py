"""Where the API of a registry is. Pure.

Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
"""

from __future__ import annotations

from collections.abc import Iterable

from fleet.engine.hosts import HostError, place_of, require_allowed
from fleet.engine.references import DOCKER_HUB
from fleet.model.registry import Repository

_HUB_API = "registry-1.docker.io"


def api_host(repository: Repository) -> str:
    """Return the host that answers for a repository, with its port if it has one."""
    return _HUB_API if repository.host == DOCKER_HUB else repository.host


def api_url(repository: Repository, allowed: Iterable[str]) -> str:
    """Return the address of a repository, without a slash at the end.

    A registry is named without a scheme: it is https, but http for the loopback, and where the list of hosts says so.

    Raises:
        HostError: the list of hosts does not let fleet ask this registry; says which entry is missing.
    """
    host = api_host(repository)
    entries = tuple(allowed)
    plain = place_of(f"http://{host}").loopback or f"http://{host}" in (entry.lower() for entry in entries)
    scheme = "http" if plain else "https"
    require_allowed(place_of(f"{scheme}://{host}"), entries)
    return f"{scheme}://{host}/v2/{repository.path}"


def may_be_asked(repository: Repository, allowed: Iterable[str]) -> bool:
    """Say whether the list of hosts lets fleet ask the registry of a repository."""
    try:
        api_url(repository, allowed)
    except HostError:
        return False
    return True
