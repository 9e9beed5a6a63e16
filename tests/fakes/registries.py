"""Registries in a file, behind the port, for guides: several processes see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fleet.errors import FleetError, RegistryError
from fleet.model.registry import Manifest, Repository

NAME = "registries.json"


class StoredRegistries:
    """Repositories by name, each with the kind of every tag. The digest of a tag is made of its name."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME

    def push(self, repository: str, tag: str, kind: str = "image") -> None:
        """Say that there is a tag from now on."""
        known = self._read()
        known.setdefault(repository, {})[tag] = kind
        self.path.write_text(json.dumps(known))

    def tags(self, repositories: Collection[Repository]) -> Mapping[Repository, Sequence[str] | FleetError]:
        known = self._read()
        missing = RegistryError("there is no such repository", code="FLT-REG-008")
        return {one: list(known[str(one)]) if str(one) in known else missing for one in repositories}

    def manifests(
        self, wanted: Collection[tuple[Repository, str]]
    ) -> Mapping[tuple[Repository, str], Manifest | FleetError | None]:
        known = self._read()
        found: dict[tuple[Repository, str], Manifest | FleetError | None] = {}
        for repository, tag in wanted:
            kind = known.get(str(repository), {}).get(tag)
            digest = f"sha256:{hashlib.sha256(f'{repository}:{tag}'.encode()).hexdigest()}"
            found[repository, tag] = Manifest(digest, kind) if kind is not None else None  # type: ignore[arg-type]
        return found

    def digests(
        self, wanted: Collection[tuple[Repository, str]]
    ) -> Mapping[tuple[Repository, str], str | FleetError | None]:
        found = self.manifests(wanted)
        return {key: one.digest if isinstance(one, Manifest) else one for key, one in found.items()}

    def close(self) -> None:
        """Do nothing."""

    def _read(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found
