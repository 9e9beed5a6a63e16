"""What a plain YAML scalar means, decided as kubectl decides it.

kubectl reads YAML with sigs.k8s.io/yaml, which follows YAML 1.1 with Go's rules for numbers. So `on` and `yes` are
booleans, `0644` is octal, `1e3` is a number, but `22:22` and `2026-01-31` are texts. PyYAML's own rules differ in the
last three, so they are not used.

Source: https://github.com/kubernetes-sigs/yaml/blob/v1.4.0/goyaml.v2/resolve.go
"""

from __future__ import annotations

import math
import re

TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
NULL = frozenset(["", "~", "null", "Null", "NULL"])
_NOT_FINITE = frozenset(
    {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"}
)
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_LARGEST = 2**64
_INTEGRAL = 1e21
"""Go writes floats below this without an exponent, so whole ones become integers in JSON."""

Scalar = str | int | float | bool | None


class NotFiniteError(ValueError):
    """Infinity and NaN have no JSON form."""


def resolve(text: str) -> Scalar:
    """Return the value of a plain (unquoted, untagged) scalar.

    Raises:
        NotFiniteError: it is an infinity or not a number.
    """
    if text in NULL:
        return None
    first = text[0]
    if first.isalpha():
        if text in TRUE:
            return True
        return False if text in FALSE else text
    if first in "0123456789+-.":
        return _number(text)
    return text


def _number(text: str) -> Scalar:
    if text in _NOT_FINITE:
        raise NotFiniteError(text)
    if _TIMESTAMP.fullmatch(text):
        return text
    plain = text.replace("_", "") if text[0] != "." else text
    if _INTEGER.fullmatch(plain):
        value = _integer(plain)
        if -(2**63) <= value < _LARGEST:
            return value
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        if not math.isfinite(number):
            raise NotFiniteError(text)
        return int(number) if number.is_integer() and abs(number) < _INTEGRAL else number
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def key_text(value: Scalar) -> str | None:
    """Return a map key as the text that JSON needs; None if it cannot be a key."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return value
