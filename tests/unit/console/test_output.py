"""Machine-readable output has one shape."""

from __future__ import annotations

import json

import yaml

from fleet.console.output import envelope, error_data, serialise
from fleet.errors import ConfigError, Location, Problem, UsageError
from fleet.model.change import ChangeKind, FieldChange, ObjectChange
from fleet.model.objects import ObjectRef

CHANGE = ObjectChange(
    ref=ObjectRef("apps/v1", "Deployment", "shop", "web"),
    kind=ChangeKind.CHANGED,
    fields=(FieldChange(path="spec.replicas", kind=ChangeKind.CHANGED, old=1, new=2),),
)


def test_the_envelope_has_four_keys_and_reports_are_camel_case() -> None:
    document = envelope("fleet.diff/v1", [CHANGE])
    assert list(document) == ["schema", "ok", "data", "errors"]
    assert document["data"][0]["ref"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
    }


def test_json_and_yaml_say_the_same() -> None:
    document = envelope("fleet.diff/v1", CHANGE)
    assert json.loads(serialise(document, "json")) == yaml.safe_load(serialise(document, "yaml")) == document


def test_an_error_is_one_entry_with_its_hint() -> None:
    assert error_data(UsageError("no", hints=("do this", "or that"))) == [
        {
            "code": "FLT-USE-001",
            "message": "no",
            "severity": "error",
            "path": None,
            "line": None,
            "column": None,
            "hint": "do this\nor that",
        }
    ]


def test_collected_problems_are_one_entry_each() -> None:
    problems = (Problem("A", "first", Location("x.yaml", 3, 4)), Problem("B", "second"))
    entries = error_data(ConfigError("2 problems", problems=problems))
    assert [(e["code"], e["path"], e["line"], e["column"]) for e in entries] == [
        ("A", "x.yaml", 3, 4),
        ("B", None, None, None),
    ]
