"""Real manifest sets, moved into namespaces of a test's own so that they can live side by side."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
_KEEP_NAME = ("Namespace", "CustomResourceDefinition", "APIService")


def load_set(file: Path, prefix: str, namespaced: Callable[[str, str], bool | None]) -> list[Manifest]:
    """Read a set. Every namespace gets the prefix and is part of the set; so do names of cluster-wide objects.

    Args:
        file: YAML documents.
        prefix: a DNS label.
        namespaced: says by API version and kind whether a kind has namespaces; None if the server lacks it.
    """
    objects: list[Manifest] = [document for document in yaml.load_all(file.read_text(), yaml.CSafeLoader) if document]
    scopes = {
        (o["spec"]["group"], o["spec"]["names"]["kind"]): o["spec"]["scope"] == "Namespaced"
        for o in objects
        if o["kind"] == "CustomResourceDefinition"
    }
    namespaces: set[str] = set()
    for manifest in objects:
        group, _, version = manifest["apiVersion"].rpartition("/")
        scoped = namespaced(manifest["apiVersion"], manifest["kind"])
        if scoped is None:
            scoped = scopes.get((group if version else "", manifest["kind"]), True)
        metadata = manifest["metadata"]
        if scoped:
            metadata["namespace"] = f"{prefix}-{metadata.get('namespace', 'own')}"
            namespaces.add(metadata["namespace"])
        elif manifest["kind"] not in _KEEP_NAME or manifest["kind"] == "Namespace":
            metadata["name"] = f"{prefix}-{metadata['name']}"
        for subject in manifest.get("subjects") or ():
            if "namespace" in subject:
                subject["namespace"] = f"{prefix}-{subject['namespace']}"
    declared = {m["metadata"]["name"] for m in objects if m["kind"] == "Namespace"}
    missing = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(namespaces - declared)
    ]
    return [*missing, *objects]


def with_one_edit(objects: list[Manifest]) -> tuple[list[Manifest], Manifest]:
    """Return a set with one field of one object changed (a label of the last one), and that object."""
    changed = copy.deepcopy(objects)
    manifest = changed[-1]
    manifest["metadata"].setdefault("labels", {})["edited"] = "yes"
    return changed, manifest
