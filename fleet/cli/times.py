"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fleet.errors import UsageError
from fleet.model.durations import seconds


def parse_since(text: str, now: datetime) -> datetime:
    """Return the time that a person means: a date, a date and time (UTC unless it says otherwise), or `7d` ago.

    Raises:
        UsageError: it is none of these.
    """
    try:
        return now - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"`--since {text}` is not a date", hints=("write `--since 2026-08-01`, or `--since 7d`",)
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
