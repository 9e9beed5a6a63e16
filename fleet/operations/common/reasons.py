"""Reasons that people give for the record."""

from __future__ import annotations

from fleet.errors import UsageError
from fleet.model.restriction import REASON_LIMIT

BAD_REASON = "FLT-RST-012"


def checked_reason(text: str) -> str:
    """Return a reason as one line.

    Raises:
        UsageError: it says nothing, or too much.
    """
    reason = " ".join(text.split())
    if reason and reason.isprintable() and len(reason) <= REASON_LIMIT:
        return reason
    what = "is empty" if not reason else "is too long" if len(reason) > REASON_LIMIT else "is not plain text"
    raise UsageError(
        f"the reason {what}; others will read it",
        code=BAD_REASON,
        hints=(f"say in up to {REASON_LIMIT} characters why: `--reason TEXT`",),
    )
