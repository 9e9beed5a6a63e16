"""What an API server's answer means: canonical errors out of ``Status`` objects.

Error text never holds what differs from one failure to the next (request ids, times, peer addresses), so that an error
cannot trigger itself, and never a value of a Secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from fleet.errors import ClusterError, UnreachableError
from fleet.model.change import MASK
from fleet.model.objects import Manifest

TEXT_LIMIT = 256
"""Characters that are kept of a server's message."""

_NOISE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "…"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)"), "…"),
    (
        re.compile(r"\b(?:dial|read|write) (tcp|udp) (?:[\d.:]+|\[[^\]]*\]:\d+)(?:->(?:[\d.:]+|\[[^\]]*\]:\d+))?:?"),
        r"\1",
    ),
    (re.compile(r"0x[0-9a-f]{6,}"), "…"),
    (re.compile(r"&?value\.valueUnstructured\{.*?\}"), "a value of another type"),
)
_INVALID_APPLY = ("failed to create typed patch object", "failed to convert new object")
"""How the API server says that an applied object does not fit its schema; it does so with status 500."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")
_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')


def canonical(text: str, secrets: Sequence[str] = ()) -> str:
    """Return a server's text on one line, without noise and secrets, cut to :data:`TEXT_LIMIT` characters."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, MASK)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    for pattern, replacement in _NOISE:
        text = pattern.sub(replacement, text)
    text = _CONTROL.sub(" ", text).strip().rstrip(".")
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def secret_values(manifest: Manifest | None) -> list[str]:
    """Return every value that a Secret manifest holds, encoded and decoded, longest first."""
    if manifest is None or manifest.get("kind") != "Secret":
        return []
    found: set[str] = set()
    for section in ("data", "stringData"):
        for value in _leaves(manifest.get(section)):
            found.add(value)
            if section == "data":
                try:
                    found.add(base64.b64decode(value, validate=True).decode())
                except (binascii.Error, ValueError):
                    continue
    return sorted((value for value in found if value), key=len, reverse=True)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def decode(cluster: str, body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        UnreachableError: it is none. The cause is not shown: it could quote the body.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise garbage(cluster)
    return document


def garbage(cluster: str, what: str = "its answer is not what a Kubernetes API server sends") -> UnreachableError:
    """Return the error for an answer that makes no sense."""
    return UnreachableError(f"cluster `{cluster}` cannot be used: {what}", code="FLT-OUT-106")


def unauthorized(cluster: str) -> UnreachableError:
    """Return the error for refused credentials."""
    return UnreachableError(
        f"cluster `{cluster}` refused our credentials",
        code="FLT-OUT-104",
        hints=(f"log in again, or check `access:` in `clusters/{cluster}.yaml`",),
    )


def refusal(cluster: str, status: int, body: bytes, what: str, secrets: Sequence[str] = ()) -> ClusterError:
    """Return the error for an answer with a status of 300 or more. ``what`` names the object or kind concerned."""
    document = _status(body)
    details = document.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    causes = [c for c in causes if isinstance(c, dict)] if isinstance(causes, list) else []
    conflicts = [c for c in causes if c.get("reason") == "FieldManagerConflict"]
    if conflicts:
        return _conflict(cluster, status, what, conflicts)
    message = document.get("message")
    if status == 500 and isinstance(message, str) and message.startswith(_INVALID_APPLY):
        status = 422
    text = canonical(message, secrets) if isinstance(message, str) and message else f"status {status}"
    return ClusterError(f"cluster `{cluster}` refused `{what}`: {text}", code=f"FLT-CLU-{status}")


def _conflict(cluster: str, status: int, what: str, causes: Sequence[Mapping[str, Any]]) -> ClusterError:
    """Name who owns which field; the message of the server would hold times."""
    fields: dict[str, list[str]] = {}
    for cause in causes:
        match = _MANAGER.search(str(cause.get("message")))
        manager = canonical(match[1]) if match else "?"
        fields.setdefault(manager, []).append(canonical(str(cause.get("field") or "?")))
    parts = []
    for manager, names in sorted(fields.items()):
        shown = ", ".join(f"`{name}`" for name in sorted(names)[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        parts.append(f"`{manager}` owns {shown}{more}")
    shown = "; ".join(parts[:3]) + (f"; and {len(parts) - 3} more managers" if len(parts) > 3 else "")
    return ClusterError(f"cluster `{cluster}` refused `{what}`: conflict, {shown}", code=f"FLT-CLU-{status}")


def _status(body: bytes) -> Mapping[str, Any]:
    """Return a ``Status`` object; anything else (a proxy's HTML page) is dropped."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}
