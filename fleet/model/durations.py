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


def brief(amount: float) -> str:
    """Return a duration in seconds as a person would write it, rounded down: `0s`, `45s`, `1h12m`, `2h`, `3d`."""
    whole = int(amount)
    sizes = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    first = next((number for number, (size, _) in enumerate(sizes) if whole >= size), len(sizes) - 1)
    texts: list[str] = []
    for size, unit in sizes[first : first + 2]:
        texts.append(f"{whole // size}{unit}" if whole >= size or (size == 1 and not texts) else "")
        whole %= size
    return "".join(texts)
