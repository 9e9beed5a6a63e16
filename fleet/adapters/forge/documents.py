"""Pull requests of the local forge as JSON documents in git. Pure text; no git here.

A document is all of a pull request at one moment. Each change is a new commit on top of the last one, under
``refs/fleet/pulls/<number>``, so that the history of a pull request is a ``git log``.
"""

from __future__ import annotations

import json
import re

from pydantic import ValidationError

from fleet.errors import ForgeError
from fleet.model.pull_request import PullRequest

SCHEMA = "fleet.pull-request/v1"
FILE = "pull-request.json"
PULLS = "refs/fleet/pulls/"
OPEN = "refs/fleet/open/"
SIZE_LIMIT = 4 << 20
"""Bytes of a document; anything larger is not read."""

_NUMBER = re.compile(r"\Arefs/fleet/pulls/([1-9][0-9]{0,8})\Z")


def pull_ref(number: int) -> str:
    """Return the ref of a pull request."""
    return f"{PULLS}{number}"


def open_ref(branch: str) -> str:
    """Return the ref that exists while a pull request of the branch is open."""
    return f"{OPEN}{branch}"


def number_of(ref: str) -> int | None:
    """Return the number of a pull request's ref; None for any other ref."""
    found = _NUMBER.match(ref)
    return int(found[1]) if found else None


def encode(pull_request: PullRequest) -> bytes:
    """Return the document of a pull request; the same one gives the same bytes."""
    data = pull_request.model_dump(mode="json", by_alias=True, exclude={"note"})
    return (json.dumps({"schema": SCHEMA, **data}, indent=2, ensure_ascii=False) + "\n").encode()


def decode(content: bytes, name: str) -> PullRequest:
    """Return the pull request of a document.

    Raises:
        ForgeError: it is not one of ours, or of a newer fleet.
    """
    try:
        if len(content) > SIZE_LIMIT:
            raise ValueError("too large")
        data = json.loads(content)
        if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
            raise ValueError("another schema")
        return PullRequest.model_validate(data)
    except (ValueError, ValidationError, RecursionError) as error:
        raise unreadable(name) from error


def unreadable(name: str) -> ForgeError:
    """Return the error for a ref that holds something else."""
    return ForgeError(
        f"`{name}` holds no pull request that this version of fleet can read",
        code="FLT-FRG-002",
        hints=("a newer fleet may have written it; look at it with `git fetch` and `git show`",),
    )
