"""Times as people type them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from fleet.errors import UsageError


def moment(option: str, text: str | None) -> datetime | None:
    """Return the time that somebody typed; without a time zone it is that of this machine. None stays None.

    Raises:
        UsageError: it is not a time.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"`{option} {text}` is not a time", hints=("write it like `2026-03-04T09:00` or `2026-03-04T09:00+01:00`",)
        ) from error
    return found.astimezone(UTC)
