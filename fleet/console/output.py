"""Machine-readable output: one envelope for every command, ``{schema, ok, data, errors}``."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from fleet.errors import ConfigError, FleetError, Problem


def plain(data: Any) -> Any:
    """Return reports as plain JSON data, with camelCase keys."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json", by_alias=True)
    if isinstance(data, (list, tuple)):
        return [plain(item) for item in data]
    return to_jsonable_python(data, by_alias=True)


def problem_data(problem: Problem) -> dict[str, Any]:
    """Return one problem as JSON data."""
    location = problem.location
    return {
        "code": problem.code,
        "message": problem.message,
        "severity": problem.severity,
        "path": location.path if location else None,
        "line": location.line if location else None,
        "column": location.column if location else None,
        "hint": problem.hint,
    }


def error_data(error: FleetError) -> list[dict[str, Any]]:
    """Return an error, or the problems that it collects, as JSON data."""
    if isinstance(error, ConfigError) and error.problems:
        return [problem_data(p) for p in error.problems]
    hint = "\n".join(error.hints) or None
    return [problem_data(Problem(error.code, error.message, error.location, hint))]


def envelope(schema: str, data: Any, *, ok: bool = True, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the envelope that every command prints with `-o json`."""
    return {"schema": schema, "ok": ok, "data": plain(data), "errors": errors or []}


def serialise(document: dict[str, Any], form: str) -> str:
    """Return an envelope as `json` or `yaml` text."""
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True)).rstrip("\n")
    return json.dumps(document, indent=2, ensure_ascii=False)
