"""Placeholders in what a gate of one's own asks: `{app}`, `{version}`, `{revision}`, `{source}`, `{environment}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

NAMES = ("app", "version", "revision", "source", "environment")
_SINGLE = re.compile(r"\{([^{}]*)\}")
_DOUBLED = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class PlaceholderError(ValueError):
    """A text holds a placeholder that is not known; the message says which."""


def fill_url(text: str, values: Mapping[str, str]) -> str:
    """Return a URL with its placeholders replaced; what stands for one cannot change the shape of the URL.

    Raises:
        PlaceholderError: one is not known.
    """
    return _SINGLE.sub(lambda found: quote(_value(found[1], values), safe=""), text)


def fill_argument(text: str, values: Mapping[str, str]) -> str:
    """Return an argument of a command with its placeholders replaced; other braces stay, as JSON has them."""
    return _SINGLE.sub(lambda found: values.get(found[1], found[0]), text)


def fill_query(text: str, values: Mapping[str, str]) -> str:
    """Return a PromQL query with its placeholders replaced, escaped for a text in quotes; `{{` and `}}` are braces.

    Raises:
        PlaceholderError: one is not known, or a brace is neither part of one nor doubled.
    """

    def replaced(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise PlaceholderError(f"the `{found[0]}` is not doubled: write `{found[0] * 2}` for a brace")
        if found[1] not in NAMES:
            raise PlaceholderError(f"`{{{found[1]}}}` is no placeholder: write `{{{{` and `}}}}` for braces")
        return _escaped(_value(found[1], values))

    return _DOUBLED.sub(replaced, text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in NAMES:
        raise PlaceholderError(f"`{{{name}}}` is no placeholder; there are {', '.join(f'`{{{n}}}`' for n in NAMES)}")
    return values.get(name, "")
