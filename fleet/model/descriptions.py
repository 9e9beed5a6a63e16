"""Descriptions of fields: the docstring below each attribute of a model.

Pydantic can read them too (``use_attribute_docstrings``), but does so whenever a model is defined, which costs every
command 0.1 s. Only schemas and reference pages need them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the description of each field of a model, by attribute name, as one line."""
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            found |= _own_descriptions(part)
    return found


def _own_descriptions(model: type[BaseModel]) -> dict[str, str]:
    definition = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 (the source of a class is a class)
    found = {}
    for field, text in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            value = getattr(text.value, "value", None)
            if isinstance(value, str):
                found[field.target.id] = " ".join(value.split())
    return found


def described_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a model and of those inside it, with the description of every field."""
    schema = model.model_json_schema(by_alias=True)
    definitions = {model.__name__: schema, **schema.get("$defs", {})}
    for part in dict.fromkeys(_parts(model)):
        properties = definitions.get(part.__name__, {}).get("properties", {})
        texts = descriptions(part)
        for name, field in part.model_fields.items():
            if name in texts and field.alias in properties:
                properties[field.alias]["description"] = texts[name]
    return schema


def _parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in _models_in(field.annotation):
            yield from _parts(inner)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
