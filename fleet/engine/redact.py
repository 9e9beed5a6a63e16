"""Secret values never leave fleet in plain: every diff, plan, report and error shows a mask in their place.

What changed stays visible: keys are shown, values are not, and a changed value is still a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleet.model.change import MASK, ChangeSet, FieldChange, ObjectChange
from fleet.model.objects import Manifest

SECRET_FIELDS = ("data", "stringData")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""`kubectl apply` keeps a copy of the whole object in this annotation, secret values included."""


def is_secret(kind: str) -> bool:
    """Say whether objects of a kind hold secret values in `data` and `stringData`."""
    return kind in ("Secret", "SecretList")


def mask_value(value: Any) -> Any:
    """Return a value with every leaf masked; the keys of maps stay."""
    if isinstance(value, Mapping):
        return {str(key): mask_value(item) for key, item in value.items()}
    return None if value is None else MASK


def mask_manifest(manifest: Manifest) -> Manifest:
    """Return an object without secret values; also inside lists of objects and in kubectl's annotation."""
    if isinstance(manifest.get("items"), list) and str(manifest.get("kind", "")).endswith("List"):
        # Objects of a typed list may leave their kind out: it is the list's, without `List`.
        kind = str(manifest["kind"]).removesuffix("List")
        items = [
            mask_manifest(item if "kind" in item or not kind else {**item, "kind": kind})
            if isinstance(item, Mapping)
            else item
            for item in manifest["items"]
        ]
        return {**manifest, "items": items}
    if not is_secret(str(manifest.get("kind", ""))):
        return manifest
    masked = dict(manifest)
    for name in SECRET_FIELDS:
        if name in masked:
            masked[name] = mask_value(masked[name])
    metadata = masked.get("metadata")
    if isinstance(metadata, Mapping):
        annotations = metadata.get("annotations")
        if isinstance(annotations, Mapping) and LAST_APPLIED in annotations:
            masked["metadata"] = {**metadata, "annotations": {**annotations, LAST_APPLIED: MASK}}
    return masked


def mask_fields(kind: str, fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """Return the field changes of an object of a kind without secret values."""
    if not is_secret(kind):
        return tuple(fields)
    return tuple(_masked(field) if _is_secret_path(field.path) else field for field in fields)


def mask_changes(changes: ChangeSet) -> ChangeSet:
    """Return a change set without secret values. Masking twice changes nothing."""
    objects: list[ObjectChange] = []
    for change in changes.objects:
        fields = mask_fields(change.ref.kind, change.fields)
        objects.append(change if fields == change.fields else change.model_copy(update={"fields": fields}))
    return ChangeSet(objects=tuple(objects))


def _is_secret_path(path: str) -> bool:
    root = path.replace("[", ".", 1).split(".", 1)[0]
    return root in SECRET_FIELDS or LAST_APPLIED in path


def _masked(field: FieldChange) -> FieldChange:
    return field.model_copy(update={"old": mask_value(field.old), "new": mask_value(field.new)})
