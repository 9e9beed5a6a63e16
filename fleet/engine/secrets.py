"""Secrets in plain text: what must never be in git.

Structural, not by key names: a `Secret` with values is plain unless they are encrypted by SOPS
(https://getsops.io/docs/#encrypting-only-parts-of-a-file). A SealedSecret or ExternalSecret is of another kind and
passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleet.model.objects import Manifest, ObjectRef

PLAIN_SECRET = "FLT-SEC-001"  # noqa: S105 - the code of a problem
_ENCRYPTED = "ENC["


def plain_secrets(objects: Iterable[Manifest]) -> Iterator[tuple[ObjectRef, tuple[str, ...]]]:
    """Yield each Secret with plain values, and the names of those values (never the values)."""
    for manifest in objects:
        items = manifest.get("items")
        if str(manifest.get("kind", "")).endswith("List") and isinstance(items, list):
            yield from plain_secrets(item for item in items if isinstance(item, Mapping))
        elif manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1":
            keys = tuple(sorted(_plain_keys(manifest)))
            if keys:
                yield ObjectRef.of(manifest), keys


def _plain_keys(manifest: Manifest) -> set[str]:
    encrypted = "sops" in manifest
    return {
        key
        for part in ("data", "stringData")
        for key, value in (manifest.get(part) or {}).items()
        if not (encrypted and _sealed(value))
    }


def _sealed(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_ENCRYPTED)
