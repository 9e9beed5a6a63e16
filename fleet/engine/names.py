"""Names that people type, and what they may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fleet.errors import UsageError


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is not there, and say which one is close.

    Args:
        what: `app` or `environment`.
        name: what a person typed.
        known: what there is.

    Raises:
        UsageError: the name is not known.
    """
    names = sorted(known)
    if name in names:
        return
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        hint = f"did you mean `{close[0]}`?"
    else:
        hint = f"there is {', '.join(f'`{n}`' for n in names[:10])}" if names else "fleet validate"
    raise UsageError(f"there is no {what} `{name}`", code="FLT-USE-010", hints=(hint,))
