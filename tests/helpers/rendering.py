"""Render requests for tests."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

from fleet.errors import Problem
from fleet.model.objects import Manifest
from fleet.ports.renderer import Renderer, RenderRequest, RenderResult

CONTEXT: Mapping[str, Any] = {
    "app": "web",
    "namespace": "shop",
    "release": {"version": "1.0.0", "revision": "a" * 40},
    "environment": {"name": "dev", "description": ""},
    "cluster": {"name": "dev-1", "labels": {"region": "eu"}},
    "values": {"replicas": 2, "name": "web", "on": True, "nothing": None, "list": ["a", "b"], "map": {"b": 1, "a": 2}},
    "images": {"web": "web:1"},
}
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n"


def templates(files: Mapping[str, str] | str, *, namespace: str | None = "shop", **context: Any) -> RenderRequest:
    """Return a request for templates by their name; a single text is `a.yaml.j2`."""
    named = {"a.yaml.j2": files} if isinstance(files, str) else files
    return RenderRequest(
        app="web",
        source="templates",
        files={f"apps/web/templates/{name}": text.encode() for name, text in named.items()},
        context={**CONTEXT, "namespace": namespace, **context},
        namespace=namespace,
    )


def program(files: Mapping[str, str] | str, **context: Any) -> RenderRequest:
    """Return a request for a program; a single text is `program.py`."""
    named = {"program.py": files} if isinstance(files, str) else files
    return RenderRequest(
        app="web",
        source="program",
        files={f"apps/web/{name}": dedent(text).encode() for name, text in named.items()},
        context={**CONTEXT, **context},
        namespace="shop",
    )


def one(renderer: Renderer, request: RenderRequest) -> RenderResult:
    """Render one request."""
    return renderer.render([request])[0]


def objects(renderer: Renderer, request: RenderRequest) -> list[Manifest]:
    """Render one request that has no problem."""
    result = one(renderer, request)
    assert result.problems == ()
    return list(result.objects)


def problem(renderer: Renderer, request: RenderRequest) -> Problem:
    """Render one request that has exactly one problem, and no objects."""
    result = one(renderer, request)
    assert result.objects == ()
    assert len(result.problems) == 1, result.problems
    return result.problems[0]


def data(renderer: Renderer, lines: str, **context: Any) -> Any:
    """Return the `data` of a ConfigMap whose lines are given, as JSON data."""
    text = CONFIG_MAP + "".join(f"  {line}\n" for line in dedent(lines).strip().splitlines())
    return objects(renderer, templates(text, **context))[0]["data"]
