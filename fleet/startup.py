"""Makes short commands start faster; called before anything else is imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

_LATER = frozenset(
    {"__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__lt__", "__le__", "__gt__", "__ge__"}
)


def compile_methods_when_called() -> None:
    """Let dataclasses compile their methods when these are first called, rather than when the class is made.

    Python 3.11 and 3.12 compile the text of each method by itself: six of them for a frozen class, most of which no
    short command ever calls, and `fleet status` alone makes over a hundred classes. The methods are those that Python
    writes, to the letter. Where Python makes them in another way (3.13 does, and faster), nothing is changed.
    """
    compile_now: Callable[..., Any] | None = getattr(dataclasses, "_create_fn", None)
    if compile_now is None:
        return

    def create(name: str, *what: Any, **how: Any) -> Any:
        return (
            _later(name, lambda: compile_now(name, *what, **how)) if name in _LATER else compile_now(name, *what, **how)
        )

    dataclasses._create_fn = create  # type: ignore[attr-defined]


def _later(name: str, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    made: Callable[..., Any] | None = None

    def method(*given: Any) -> Any:
        nonlocal made
        if made is None:
            made = make()
        return made(*given)

    method.__name__ = name
    return method
