"""Times as people type them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fleet.errors import UsageError


def moment(option: str, text: str | None) -> datetime | None:
    """Return the time that somebody typed; without a time zone it is that of this machine. None stays None.

    Raises:
        UsageError: it is not a time.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"`{option} {text}` is not a time", hints=("write it like `2026-03-04T09:00` or `2026-03-04T09:00+01:00`",)
        ) from error


def length(option: str, text: str | None) -> timedelta | None:
    """Return the duration that somebody typed, like `1h30m`. None stays None.

    Raises:
        UsageError: it is not one.
    """
    from fleet.model.durations import seconds

    if text is None:
        return None
    try:
        return timedelta(seconds=seconds(text.strip()))
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"`{option} {text[:80]}` is not a duration",
            hints=(f"write it like `{option} 90m`, `{option} 2h` or `{option} 3d`",),
        ) from error
