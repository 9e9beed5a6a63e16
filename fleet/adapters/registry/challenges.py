"""What a registry wants to see before it answers: the header `WWW-Authenticate`.

Sources: RFC 9110, section 11.6.1; https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 4096
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of the grammar
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(?:,|$)')
_SCHEME = re.compile(rf"\s*({_TOKEN})(?:\s+|\s*(?:,|$))")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate."""

    scheme: str
    """`bearer` or `basic`; in lower case."""
    realm: str = ""
    """For `bearer`: the address that gives tokens."""
    service: str = ""


def challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Return the ways that the headers offer, in their order. What is not understood is left out."""
    found: list[Challenge] = []
    for header in headers:
        text = header[:LONGEST]
        at = 0
        while at < len(text):
            scheme = _SCHEME.match(text, at)
            if scheme is None:
                break
            at = scheme.end()
            parameters: dict[str, str] = {}
            while (part := _PARAMETER.match(text, at)) is not None:
                quoted = part[2]
                parameters[part[1].lower()] = part[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                at = part.end()
            name = scheme[1].lower()
            found.append(Challenge(name, parameters.get("realm", ""), parameters.get("service", "")))
    return tuple(found)
