"""Kubernetes objects as fleet writes them: canonical form, digests, ownership labels, order.

Everything here is a pure function of its arguments. Nothing changes an object in place; results share what they do
not change, so that thousands of targets can stand on one set of rendered objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, overload

from fleet.model.names import Target
from fleet.model.objects import (
    APP_LABEL,
    CLUSTER_LABEL,
    DIGEST_ANNOTATION,
    ENVIRONMENT_LABEL,
    FLEET_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    Manifest,
    ObjectRef,
)

OWNERSHIP_LABELS = (FLEET_LABEL, APP_LABEL, ENVIRONMENT_LABEL, CLUSTER_LABEL)

INSTALL_ORDER = (
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
"""Kinds in the order in which they are applied; all others come last, as custom resources do.

Source: Helm's install order,
https://github.com/helm/helm/blob/main/pkg/release/v1/util/kind_sorter.go
"""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

_RANK = {kind: rank for rank, kind in enumerate(INSTALL_ORDER)}


def canonical(value: Any) -> bytes:
    """Return the one JSON form of a plain value: sorted keys, no spaces, UTF-8."""
    return _ENCODER.encode(value).encode()


def object_digest(manifest: Manifest) -> str:
    """Return the digest that is written on an object: the first 16 hex digits of SHA-256 of its canonical JSON.

    The manifest must be as rendered, before ownership was added; see :func:`without_ownership`.
    """
    return sha256(canonical(manifest)).hexdigest()[:16]


def set_digest(objects: Iterable[Manifest]) -> str:
    """Return the digest of a set of rendered objects; their order does not matter."""
    parts = sorted(sha256(canonical(manifest)).digest() for manifest in objects)
    return sha256(b"".join(parts)).hexdigest()


def digests_of(objects: Sequence[Manifest]) -> tuple[tuple[str, ...], str]:
    """Return :func:`object_digest` of each object and :func:`set_digest` of all, at half the price."""
    hashes = [sha256(canonical(manifest)) for manifest in objects]
    together = sha256(b"".join(sorted(one.digest() for one in hashes)))
    return tuple(one.hexdigest()[:16] for one in hashes), together.hexdigest()


def target_digest(objects_digest: str, fleet: str, target: Target, settings: str) -> str:
    """Return the digest of a target's desired state.

    Args:
        objects_digest: :func:`set_digest` of the rendered objects.
        fleet: name of the fleet; with the target, it gives the ownership labels.
        target: the target.
        settings: engine settings and cluster access that, when changed, call for a new apply.
    """
    return sha256(canonical([objects_digest, ownership(fleet, target), settings])).hexdigest()


def ownership(fleet: str, target: Target) -> dict[str, str]:
    """Return the labels that mark an object as fleet's, and as this target's."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        FLEET_LABEL: fleet,
        APP_LABEL: target.app,
        ENVIRONMENT_LABEL: target.environment,
        CLUSTER_LABEL: target.cluster,
    }


def with_ownership(manifest: Manifest, labels: Mapping[str, str], digest: str) -> dict[str, Any]:
    """Return the object with ownership labels and digest annotation.

    Only the object's own metadata is labelled, never a pod template: a label there would restart every pod when the
    app moves.
    """
    metadata = dict(manifest["metadata"])
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), DIGEST_ANNOTATION: digest}
    return {**manifest, "metadata": metadata}


def without_ownership(manifest: Manifest) -> Manifest:
    """Return the object without what :func:`with_ownership` adds, for people to read."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        return manifest
    labels = metadata.get("labels")
    annotations = metadata.get("annotations")
    owned = isinstance(labels, Mapping) and (
        any(label in labels for label in OWNERSHIP_LABELS) or labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    )
    marked = isinstance(annotations, Mapping) and DIGEST_ANNOTATION in annotations
    if not owned and not marked:
        return manifest
    changed = dict(metadata)
    if owned:
        rest = {k: v for k, v in (labels or {}).items() if not _ours(k, v)}
        _set_or_drop(changed, "labels", rest)
    if marked:
        rest = {k: v for k, v in (annotations or {}).items() if k != DIGEST_ANNOTATION}
        _set_or_drop(changed, "annotations", rest)
    return {**manifest, "metadata": changed}


def _ours(label: str, value: Any) -> bool:
    return label in OWNERSHIP_LABELS or (label == MANAGED_BY_LABEL and value == MANAGED_BY)


def _set_or_drop(metadata: dict[str, Any], name: str, value: Mapping[str, Any]) -> None:
    if value:
        metadata[name] = value
    else:
        metadata.pop(name)


def owner_of(manifest: Manifest, fleet: str) -> Target | None:
    """Return the target whose labels an object carries, if it is managed by this fleet."""
    labels = (manifest.get("metadata") or {}).get("labels") or {}
    if labels.get(FLEET_LABEL) != fleet:
        return None
    app, environment, cluster = (labels.get(key) for key in (APP_LABEL, ENVIRONMENT_LABEL, CLUSTER_LABEL))
    return Target(app, environment, cluster) if app and environment and cluster else None


def digest_of_live(manifest: Manifest) -> str | None:
    """Return the digest that was written on a live object when it was applied."""
    digest = ((manifest.get("metadata") or {}).get("annotations") or {}).get(DIGEST_ANNOTATION)
    return digest if isinstance(digest, str) else None


def apply_rank(kind: str) -> int:
    """Return the position of a kind in the order of application; deletion goes the other way."""
    return _RANK.get(kind, len(INSTALL_ORDER))


def in_apply_order(objects: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Return objects in the order of application; objects of one kind keep their order."""
    return tuple(sorted(objects, key=lambda manifest: apply_rank(str(manifest.get("kind", "")))))


def removes_itself(manifest: Manifest) -> bool:
    """Say whether the server deletes an object when it is done: to miss it is no fault, to put it back runs it again.

    Source: https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
    """
    spec = manifest.get("spec")
    return (
        manifest.get("kind") == "Job"
        and str(manifest.get("apiVersion", "")).startswith("batch/")
        and isinstance(spec, Mapping)
        and spec.get("ttlSecondsAfterFinished") is not None
    )


class OwnedObjects(Sequence[Manifest]):
    """Rendered objects as one target owns them: labelled when they are looked at.

    Thousands of targets share one set of rendered objects; most of them are never looked at, since their digest says
    that there is nothing to do.
    """

    __slots__ = ("_digests", "_labels", "_owned", "_rendered")

    def __init__(self, rendered: Sequence[Manifest], digests: Sequence[str], labels: Mapping[str, str]) -> None:
        self._rendered = rendered
        self._digests = digests
        self._labels = labels
        self._owned: tuple[Manifest, ...] | None = None

    @property
    def rendered(self) -> Sequence[Manifest]:
        """The objects without labels; shared, so the same object means the same content."""
        return self._rendered

    @property
    def digests(self) -> Sequence[str]:
        """Digest of each object."""
        return self._digests

    def _all(self) -> tuple[Manifest, ...]:
        if self._owned is None:
            self._owned = tuple(
                with_ownership(manifest, self._labels, digest)
                for manifest, digest in zip(self._rendered, self._digests, strict=True)
            )
        return self._owned

    @overload
    def __getitem__(self, index: int) -> Manifest: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Manifest, ...]: ...

    def __getitem__(self, index: int | slice) -> Manifest | tuple[Manifest, ...]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._rendered)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sequence) and not isinstance(other, str):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        names = ", ".join(str(ObjectRef.of(manifest)) for manifest in self._rendered)
        return f"OwnedObjects({names})"
