"""The base classes of declared and reported models.

Declared models (``Spec``) are what people write in YAML: camelCase keys, unknown keys forbidden.
Reported models (``Report``) are what ``-o json`` prints: the same rules, so that both have one JSON form.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

Duration = Annotated[str, StringConstraints(pattern=r"^(\d+(ms|s|m|h|d))+$")]
"""A Go-style duration of whole numbers: `90s`, `1h30m`, `2d`. Parsed by :func:`fleet.model.durations.seconds`."""


class Spec(BaseModel):
    """A frozen model of something that a person declares in a file.

    Docstrings of attributes become the descriptions in the JSON Schemas and the reference
    (:mod:`fleet.model.descriptions`).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # a command pays only for the models that it uses
    )


class Report(BaseModel):
    """A frozen model of something that fleet reports."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )
