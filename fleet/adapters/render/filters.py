"""The filters of templates: Jinja2's own that are deterministic, and a few for YAML."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import yaml
from jinja2.exceptions import FilterArgumentError
from jinja2.runtime import Undefined

from fleet.adapters.render.scalars import NotFiniteError, resolve

REMOVED = ("random", "pprint", "urlize", "xmlattr", "forceescape", "escape", "e", "safe", "striptags", "wordcount")
"""Filters of Jinja2 that are not deterministic, or only make sense for HTML."""


class _Dumper(yaml.CSafeDumper):
    """Writes block style without aliases; a text of several lines becomes a literal block."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None if _reads_as_text(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _reads_as_text(value: str) -> bool:
    """Say whether kubectl reads this text as itself without quotes; PyYAML's own rules are others."""
    try:
        return isinstance(resolve(value), str)
    except NotFiniteError:
        return False


_Dumper.add_representer(str, _text)


def _known(value: Any) -> Any:
    """Return plain data of a value, and raise for an undefined one inside it."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, dict):
        return {str(key): _known(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return str(value) if isinstance(value, str) else value
    raise FilterArgumentError("only plain data can be written: maps, lists, texts, numbers, booleans, null")


def to_yaml(value: Any, indent: int = 0) -> str:
    """Return a value as YAML text without a final newline; all lines but the first are indented."""
    text = yaml.dump(
        _known(value), Dumper=_Dumper, default_flow_style=False, sort_keys=True, allow_unicode=True, width=1_000_000
    )
    text = text.removesuffix("\n...\n").rstrip("\n")
    return text.replace("\n", "\n" + " " * indent)


def to_json(value: Any) -> str:
    """Return a value as JSON on one line, which is valid YAML too."""
    return json.dumps(_known(value), sort_keys=True, ensure_ascii=False)


def quote(value: Any) -> str:
    """Return a value as a quoted text: `1.10` stays `"1.10"`, `true` stays `"true"`."""
    return json.dumps(plain(value), ensure_ascii=False)


def b64encode(value: Any) -> str:
    """Return the base64 of a text, as `data` of a Secret wants it."""
    return base64.b64encode(plain(value).encode()).decode()


def b64decode(value: Any) -> str:
    """Return the text of a base64."""
    return base64.b64decode(plain(value).encode(), validate=True).decode()


def sha256(value: Any) -> str:
    """Return the SHA-256 of a text (or of the JSON of other data), in hex."""
    text = value if isinstance(value, str) else to_json(value)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> str:
    """Return a scalar as YAML would write it."""
    value = _known(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value)


FILTERS: dict[str, Callable[..., Any]] = {
    "to_yaml": to_yaml,
    "to_json": to_json,
    "tojson": to_json,
    "quote": quote,
    "b64encode": b64encode,
    "b64decode": b64decode,
    "sha256": sha256,
}
"""What fleet adds to, or replaces of, Jinja2's filters."""
