"""Times in policy tests: a date and time, or a time before or after the one that the scenario starts at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from fleet.model.durations import seconds

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)
_START = datetime(2000, 1, 1, tzinfo=UTC)


def resolve(text: str, start: datetime | None = None) -> datetime:
    """Return the time that a text means, in UTC. Without an offset, a time is in UTC.

    Args:
        text: like `2026-03-04T12:00`, `2026-03-04T12:00+01:00`; or `+2h` and `-30m`, from ``start`` on.
        start: the time that the scenario starts at; None: only dates are times.

    Raises:
        ValueError: it is not a time.
    """
    try:
        if text[:1] in ("+", "-"):
            if start is None:
                raise ValueError
            length = timedelta(seconds=seconds(text[1:]))
            return start + length if text[0] == "+" else start - length
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        relative = ", or from the start of the scenario on, like `+2h` and `-30m`" if start is not None else ""
        raise ValueError(f"`{text[:60]}` is not a time: write it like `2026-03-04T12:00`{relative}") from error


def _sensible(text: str, time: datetime) -> str:
    """Keep to times that can be shown in every time zone, and that other times can count from."""
    if not _FIRST <= time <= _LAST:
        raise ValueError(f"`{text[:60]}` is too far away: times are in the years {_FIRST.year} to {_LAST.year}")
    return text


def _checked(text: str) -> str:
    return _sensible(text, resolve(text, _START))


def _dated(text: str) -> str:
    return _sensible(text, resolve(text))


Moment = Annotated[str, AfterValidator(_checked)]
"""A time, or one counted from the start of the scenario."""

Start = Annotated[str, AfterValidator(_dated)]
"""A date and time."""
