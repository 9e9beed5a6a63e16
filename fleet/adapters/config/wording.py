"""Turns what pydantic says about a file into problems that a person understands, each at its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from copy import deepcopy
from itertools import takewhile
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fleet.adapters.config import codes
from fleet.adapters.config.document import Document, Path
from fleet.errors import Problem
from fleet.model.base import Duration
from fleet.model.names import LABEL_PATTERN

Model = TypeVar("Model", bound=BaseModel)

_DURATION_PATTERN = Duration.__metadata__[0].pattern  # type: ignore[attr-defined]
_SALVAGE_ROUNDS = 5
_TYPES = {
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "mapping_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
}
_LIMITS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}


def validate(model: type[Model], document: Document) -> tuple[Model | None, tuple[Problem, ...]]:
    """Return the model of a document, or everything that is wrong with it."""
    try:
        return model.model_validate(document.data), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, tuple(_problem(model, document, detail) for detail in details)


def salvage(model: type[Model], document: Document) -> Model | None:
    """Return the model of what is well-formed in a document with errors, so that the rest is checked all the same.

    A list with a wrong item is left out as a whole (or places of other items would shift). None: what is required is
    missing or wrong.
    """
    data = deepcopy(document.data)
    for _ in range(_SALVAGE_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
                keys = tuple(takewhile(lambda step: isinstance(step, str), path))
                if not keys:
                    return None
                _remove(data, keys)
    return None


def _remove(data: Any, keys: Path) -> None:
    for key in keys[:-1]:
        data = data.get(key) if isinstance(data, dict) else None
    if isinstance(data, dict):
        data.pop(keys[-1], None)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the closest known word, if one is close."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else None


def _problem(model: type[BaseModel], document: Document, detail: ErrorDetails) -> Problem:
    path: Path = detail["loc"]
    where = document.at(path)
    code, message, hint = _words(model, path, detail)
    return Problem(code, message, where, hint)


def _words(model: type[BaseModel], path: Path, detail: ErrorDetails) -> tuple[str, str, str | None]:
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    name = _dotted(path)
    if kind == "extra_forbidden":
        return _unknown(model, path)
    if kind == "missing":
        return codes.MISSING_KEY, f"the key `{name}` is missing", None
    if kind in _TYPES:
        return _wrong_type(name, given, _TYPES[kind])
    if kind in ("literal_error", "enum"):
        allowed = str(context.get("expected", "")).replace("'", "`")
        return codes.NOT_A_CHOICE, f"`{name}` is {_shown(given)}; it must be {allowed}", None
    if kind == "string_pattern_mismatch":
        return _bad_text(name, given, str(context.get("pattern", "")))
    if kind == "string_too_long":
        return codes.BAD_VALUE, f"`{name}` is longer than {context.get('max_length')} characters", None
    if kind in _LIMITS:
        words, key = _LIMITS[kind]
        return codes.BAD_VALUE, f"`{name}` is {_shown(given)}; it must be {words} {context.get(key)}", None
    if kind == "value_error":
        reason = str(context.get("error", detail["msg"]))
        code = codes.NOT_SEMVER if path and path[-1] == "version" else codes.BAD_VALUE
        return code, reason, None
    return codes.BAD_VALUE, f"`{name}`: {detail['msg'][:1].lower()}{detail['msg'][1:]}", None


def _unknown(model: type[BaseModel], path: Path) -> tuple[str, str, str | None]:
    known = _keys_at(model, path[:-1])
    inside = f" in `{_dotted(path[:-1])}`" if len(path) > 1 else ""
    hint = did_you_mean(str(path[-1]), known)
    if hint is None and known:
        hint = "it may hold " + ", ".join(f"`{key}`" for key in known)
    return codes.UNKNOWN_KEY, f"unknown key `{path[-1]}`{inside}", hint


def _wrong_type(name: str, given: Any, wanted: str) -> tuple[str, str, str | None]:
    if given is None:
        return codes.WRONG_TYPE, f"`{name}` is empty; it must be {wanted}", "remove the key, or give it a value"
    hint = None
    if wanted == "text" and isinstance(given, (bool, int, float)):
        hint = f'put it in quotes: `"{str(given).lower() if isinstance(given, bool) else given}"`'
    shown = f'`"{given}"`' if isinstance(given, str) and wanted != "text" else _shown(given)
    return codes.WRONG_TYPE, f"`{name}` is {shown}; it must be {wanted}", hint


def _bad_text(name: str, given: Any, pattern: str) -> tuple[str, str, str | None]:
    if pattern == LABEL_PATTERN:
        return (
            codes.BAD_NAME,
            f"`{name}` is {_shown(given)}, which is not a name",
            "names are lower-case letters, digits and dashes",
        )
    if pattern == _DURATION_PATTERN:
        return (
            codes.BAD_VALUE,
            f"`{name}` is {_shown(given)}, which is not a duration",
            "write it like `90s` or `1h30m`",
        )
    if name.endswith("revision"):
        hint = f"find it with `git rev-parse {given}`" if str(given).isalnum() else None
        return codes.NOT_A_COMMIT, f"`{name}` is {_shown(given)}, which is not a full commit id", hint
    return codes.BAD_VALUE, f"`{name}` is {_shown(given)}, which is badly formed", None


def _shown(value: Any) -> str:
    """Return a value in a form that is short and never a wall of text."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Return the keys that the model allows at a path."""
    current: type[BaseModel] | None = model
    named = 0
    for step in path:
        if current is None:
            return ()
        if named:  # the name of an entry of a map
            named -= 1
        elif isinstance(step, str):
            fields = {(field.alias or name): field for name, field in current.model_fields.items()}
            annotation = fields[step].annotation if step in fields else None
            current, named = _model_in(annotation), _maps_in(annotation)
    if named:
        return ()
    return tuple(field.alias or name for name, field in current.model_fields.items()) if current else ()


def _maps_in(annotation: Any) -> int:
    """Return how many maps stand around the model of an annotation such as `dict[str, dict[str, Release]]`."""
    inner = max((_maps_in(argument) for argument in getattr(annotation, "__args__", ())), default=0)
    return inner + (getattr(annotation, "__origin__", None) is dict)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside of an annotation such as `tuple[WaveSpec, ...]` or `Release | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
