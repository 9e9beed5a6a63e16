"""JSON Schemas of the declared files, generated from the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fleet.model.base import Spec
from fleet.model.declared import AppSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.descriptions import described_schema
from fleet.model.policy_test import PolicyTestFile
from fleet.model.release import Pin

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of declared file."""

    model: type[Spec]
    pattern: str
    """Where such files stand."""


KINDS: dict[str, Kind] = {
    "fleet": Kind(FleetFile, "fleet.yaml"),
    "environment": Kind(EnvironmentSpec, "environments/<environment>/environment.yaml"),
    "cluster": Kind(ClusterSpec, "clusters/<cluster>.yaml"),
    "app": Kind(AppSpec, "apps/<app>/app.yaml"),
    "pin": Kind(Pin, "environments/<environment>/apps/<app>.yaml"),
    "policy-test": Kind(PolicyTestFile, "policies/<name>.yaml"),
}


def json_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file.

    Raises:
        KeyError: there is no such kind.
    """
    known = KINDS[kind]
    schema = described_schema(known.model)
    schema["title"] = known.pattern
    return {"$schema": DIALECT, **schema}
