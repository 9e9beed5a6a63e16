"""Secret values never leave fleet in plain: every diff, plan, report and error shows a mask in their place.

What changed stays visible: keys are shown, values are not, and a changed value is still a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fleet.model.change import MASK, ChangeSet, FieldChange, ObjectChange
from fleet.model.objects import Manifest

SECRET_FIELDS = ("data", "stringData")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""`kubectl apply` keeps a copy of the whole object in this annotation, secret values included."""
_SECRET_NAMES = (
    *("password", "passwords", "passwd", "passphrase", "secret", "secrets", "token", "tokens"),
    *("credential", "credentials", "apikey", "apikeys", "accesskey", "privatekey", "secretkey"),
)
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|://[^/\s:@]*:[^/\s@]+@"  # a URL with a password
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_)[A-Za-z0-9_-]{10,}"  # tokens that say what they are
    r"|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."  # an AWS key, a JSON Web Token
)


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


def looks_secret(path: str, value: Any) -> bool:
    """Say whether a value of a fleet's files looks like a secret: by its name, or by the text itself.

    Only texts are secrets: `maxTokens: 4096` is not one. A reference to a secret may be taken for one.
    """
    if not isinstance(value, str) or not value:
        return False
    name = re.sub(r"[^a-z0-9]", "", re.split(r"(?<!\\)\.", path)[-1].lower())
    return name.endswith(_SECRET_NAMES) or _SECRET_TEXT.search(value) is not None


def mask_setting(path: str, value: Any) -> Any:
    """Return a value of a fleet's files with everything masked in it that looks like a secret."""
    if isinstance(value, Mapping):
        return {str(key): mask_setting(f"{path}.{key}", item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_setting(path, item) for item in value]
    return MASK if looks_secret(path, value) else value
