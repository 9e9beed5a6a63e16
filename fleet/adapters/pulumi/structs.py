"""Pulumi property values on the wire: protobuf structs with marked secrets and unknowns, as plain data and back.

Source of the marks: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/rpc.go and
https://www.pulumi.com/docs/iac/extending-pulumi/developers-guide/property-values (signatures of special objects).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fleet.adapters.pulumi.protocol import Struct, Value

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the published signature of secret values
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # assets
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_EXACT = 2**53

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Properties:
    """Decoded properties: plain JSON data, the places that are secret, and whether something is not known yet."""

    data: dict[str, Any]
    secrets: frozenset[Path] = frozenset()
    unknown: bool = False


def decode(struct: Struct) -> Properties:
    """Return the plain data of a struct. Whole numbers become integers again, as Kubernetes has them."""
    decoder = _Decoder()
    data = {key: decoder.plain(child, (key,)) for key, child in struct.fields.items()}
    return Properties(data, frozenset(decoder.secrets), decoder.unknown)


class _Decoder:
    def __init__(self) -> None:
        self.secrets: set[Path] = set()
        self.unknown = False

    def plain(self, value: Value, path: Path) -> Any:
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            return self._text(value.string_value)
        if kind == "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields:
                return self._special(fields, path)
            return {key: self.plain(child, (*path, key)) for key, child in fields.items()}
        if kind == "list_value":
            return [self.plain(child, (*path, index)) for index, child in enumerate(value.list_value.values)]
        if kind == "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= _EXACT else number
        return value.bool_value if kind == "bool_value" else None

    def _text(self, text: str) -> str | None:
        if text in UNKNOWNS:
            self.unknown = True
            return None
        return text

    def _special(self, fields: Mapping[str, Value], path: Path) -> Any:
        signature = fields[SIGNATURE].string_value
        if signature == SECRET or (signature == OUTPUT and "secret" in fields and fields["secret"].bool_value):
            self.secrets.add(path)
        if "value" in fields:
            return self.plain(fields["value"], path)
        self.unknown = self.unknown or signature == OUTPUT
        return None


def encode(data: Mapping[str, Any], secrets: Iterable[Path] = ()) -> Struct:
    """Return a struct of plain data in which the values at ``secrets`` are marked; absent places are ignored."""
    struct = Struct()
    _fill_struct(struct, data)
    for path in sorted(secrets, key=len, reverse=True):  # inner ones first, so that outer marks enclose them
        _mark(struct, path)
    return struct


def _fill_struct(struct: Struct, data: Mapping[str, Any]) -> None:
    fields = struct.fields
    for key, value in data.items():
        _fill(fields[key], value)


def _fill(target: Value, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):  # before numbers: a bool is an int
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        _fill_struct(target.struct_value, value)
    elif isinstance(value, (list, tuple)):
        target.list_value.SetInParent()
        values = target.list_value.values
        for item in value:
            _fill(values.add(), item)
    else:
        target.null_value = 0


def _mark(struct: Struct, path: Path) -> None:
    value = _find(struct, path)
    if value is None or _is_secret(value):
        return
    inner = Value()
    inner.CopyFrom(value)
    value.Clear()
    fields = value.struct_value.fields
    fields[SIGNATURE].string_value = SECRET
    fields["value"].CopyFrom(inner)


def _find(struct: Struct, path: Path) -> Value | None:
    fields: Any = struct.fields
    value: Value | None = None
    for part in path:
        if isinstance(part, str):
            if value is not None:
                if value.WhichOneof("kind") != "struct_value" or _is_secret(value):
                    return None
                fields = value.struct_value.fields
            if part not in fields:
                return None
            value = fields[part]
        else:
            if value is None or value.WhichOneof("kind") != "list_value" or part >= len(value.list_value.values):
                return None
            value = value.list_value.values[part]
    return value


def _is_secret(value: Value) -> bool:
    if value.WhichOneof("kind") != "struct_value":
        return False
    fields = value.struct_value.fields
    return SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET


def without_nulls(data: Any) -> Any:
    """Return data without keys whose value is null: Pulumi does not keep them, and an apply ignores them."""
    if isinstance(data, Mapping):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    if isinstance(data, (list, tuple)):
        return [without_nulls(item) for item in data]
    return data
