"""Durations as people write them."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `1h30m`.

    Raises:
        ValueError: the text is not a duration.
    """
    parts = _PART.findall(text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise ValueError(f"`{text}` is not a duration, like `90s` or `1h30m`")
    return sum(int(n) * _SECONDS[unit] for n, unit in parts)


def human(amount: float) -> str:
    """Return a duration in seconds as a short text: `0.4s`, `12s`, `3m05s`, `2h10m`, `3d04h`."""
    if amount < 10:
        return f"{amount:.1f}s"
    whole = round(amount)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
