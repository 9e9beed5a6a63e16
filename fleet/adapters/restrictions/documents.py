"""Locks, holds and rejections as JSON documents in git. Pure text; no git here.

One file for each, whose path says what it is about, so that two people who restrict different things never touch the
same file: ``locks/<id>.json``, ``holds/<environment>/<app>.json``, ``rejected/<app>/<version>-<revision>.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError

from fleet.errors import RestrictionError
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions

REF = "refs/fleet/restrictions"
SIZE_LIMIT = 64 << 10
"""Bytes of one document; anything larger is not read."""
COUNT_LIMIT = 20_000
"""Documents; more are not read."""

Document = Lock | Hold | Rejection
_KINDS: dict[str, tuple[type[Document], str, int]] = {
    "locks": (Lock, "fleet.lock/v1", 2),
    "holds": (Hold, "fleet.hold/v1", 3),
    "rejected": (Rejection, "fleet.rejection/v1", 3),
}
"""Model, schema and depth of the paths below each directory."""


def lock_path(identifier: str) -> str:
    """Return the file of a lock."""
    return f"locks/{identifier}.json"


def hold_path(environment: str, app: str) -> str:
    """Return the file of a hold."""
    return f"holds/{environment}/{app}.json"


def path_of(document: Document) -> str:
    """Return the file of a document."""
    match document:
        case Lock():
            return lock_path(document.id)
        case Hold():
            return hold_path(document.environment, document.app)
        case Rejection():
            return f"rejected/{document.app}/{document.version}-{document.revision}.json"


def encode(document: Document) -> bytes:
    """Return the document's text; the same one gives the same bytes."""
    schema = next(schema for model, schema, _ in _KINDS.values() if isinstance(document, model))
    data = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return (json.dumps({"schema": schema, **data}, indent=2, ensure_ascii=False) + "\n").encode()


def decode(path: str, content: bytes) -> Document:
    """Return what a document says.

    Raises:
        RestrictionError: it is not one of ours, of a newer fleet, or not about what its path says.
    """
    parts = path.split("/")
    try:
        if parts[0] not in _KINDS or len(parts) != _KINDS[parts[0]][2]:
            raise ValueError("no such kind")
        model, schema, _ = _KINDS[parts[0]]
        if len(content) > SIZE_LIMIT:
            raise ValueError("too large")
        data = json.loads(content)
        if not isinstance(data, dict) or data.pop("schema", None) != schema:
            raise ValueError("another schema")
        found = model.model_validate(data)
        if path_of(found) != path:
            raise ValueError("about something else than its path says")
    except (ValueError, ValidationError, RecursionError) as error:
        raise unreadable(path) from error
    return found


def collect(contents: Mapping[str, bytes]) -> Restrictions:
    """Return what all documents say together, in the order of their paths.

    Raises:
        RestrictionError: one of them cannot be read: a lock that is passed over would be no lock.
    """
    found = [decode(path, contents[path]) for path in sorted(contents)]
    return Restrictions(
        locks=tuple(d for d in found if isinstance(d, Lock)),
        holds=tuple(d for d in found if isinstance(d, Hold)),
        rejections=tuple(d for d in found if isinstance(d, Rejection)),
    )


def unreadable(path: str) -> RestrictionError:
    """Return the error for something that is not a restriction. Of what is there, only a clean path is told."""
    shown = path if path.isprintable() and len(path) <= 200 else path.encode("unicode_escape").decode()[:200]
    return RestrictionError(
        f"`{shown}` in `{REF}` is no lock, hold or rejection that this version of fleet can read",
        code="FLT-RST-002",
        hints=(
            f"a newer fleet may have written it; look at it with `git fetch origin {REF}` and `git show FETCH_HEAD`",
        ),
    )
