"""Messages between renderer and jailed worker: four bytes of length, big-endian, then JSON."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import orjson

_LENGTH = struct.Struct(">I")
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
LIMIT = 256 * 1024 * 1024
"""Largest message, bytes."""


def encode(message: Any) -> bytes:
    """Return a message as a frame. Keys are sorted, so that what a template iterates over has one order."""
    body = orjson.dumps(message, option=_OPTIONS)
    return _LENGTH.pack(len(body)) + body


def length(header: bytes) -> int:
    """Return the length of the message that follows a header of four bytes.

    Raises:
        ValueError: it is too long to be one of ours.
    """
    size: int = _LENGTH.unpack(header)[0]
    if size > LIMIT:
        raise ValueError("frame too long")
    return size


def read(stream: BinaryIO) -> Any:
    """Return the next message of a stream; None at its end."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    size = length(header)
    body = stream.read(size)
    return orjson.loads(body) if len(body) == size else None


def decode(body: bytes) -> Any:
    """Return the message of a body without its header."""
    return orjson.loads(body)
