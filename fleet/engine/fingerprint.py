"""Keyed hashes in the place of Secret values.

Equal values can be told, and none can be read, or guessed without the key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from fleet.engine.redact import LAST_APPLIED, SECRET_FIELDS, is_secret
from fleet.model.objects import Manifest

PREFIX = "keyed-hash:"


def mask_secrets(manifest: Manifest, key: bytes) -> Manifest:
    """Return a manifest with every value of a Secret replaced by a keyed hash; other kinds are returned as they are.

    The same value under the same name of the same object gives the same hash with the same key, whether it stands in
    ``data`` or in ``stringData``. Equal passwords of two objects do not show as equal. Secrets inside a ``List`` are
    masked too.

    Args:
        manifest: an object, live or as rendered.
        key: 16 to 64 random bytes that stay on this machine.
    """
    kind = str(manifest.get("kind", ""))
    if isinstance(manifest.get("items"), list) and kind.endswith("List"):
        implied = kind.removesuffix("List")
        return {**manifest, "items": [_item(item, implied, key) for item in manifest["items"]]}
    if not is_secret(kind):
        return manifest
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    place = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
    masked = dict(manifest)
    for section in SECRET_FIELDS:
        if section in masked:
            masked[section] = _section(masked[section], section == "data", place, key)
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping) and LAST_APPLIED in annotations:
        digest = _hash(key, place, LAST_APPLIED, str(annotations[LAST_APPLIED]).encode())
        masked["metadata"] = {**metadata, "annotations": {**annotations, LAST_APPLIED: digest}}
    return masked


def _item(item: Any, kind: str, key: bytes) -> Any:
    if not isinstance(item, Mapping):
        return item
    return mask_secrets(item if "kind" in item or not kind else {**item, "kind": kind}, key)


def _section(values: Any, encoded: bool, place: str, key: bytes) -> Any:
    if values is None:
        return None
    if not isinstance(values, Mapping):
        return _hash(key, place, "", repr(values).encode())
    return {
        name: None if value is None else _hash(key, place, str(name), _plain(value, encoded))
        for name, value in values.items()
    }


def _plain(value: Any, encoded: bool) -> bytes:
    if not isinstance(value, str):
        return repr(value).encode()
    if encoded:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass  # not what the server would take; hashed as it stands
    return value.encode()


def _hash(key: bytes, place: str, name: str, value: bytes) -> str:
    digest = blake2b(key=key[:64], digest_size=16)
    for part in (place.encode(), name.encode(), value):
        digest.update(len(part).to_bytes(8, "big") + part)
    return PREFIX + digest.hexdigest()
