"""Kubernetes objects as plain data: identity and body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

CAMEL_CASE = ConfigDict(alias_generator=to_camel, populate_by_name=True)

Manifest = Mapping[str, Any]
"""A Kubernetes object as decoded from JSON. Never changed in place."""

LABEL_DOMAIN = "fleet-gitops.io"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "fleet"
FLEET_LABEL = f"{LABEL_DOMAIN}/fleet"
APP_LABEL = f"{LABEL_DOMAIN}/app"
ENVIRONMENT_LABEL = f"{LABEL_DOMAIN}/environment"
CLUSTER_LABEL = f"{LABEL_DOMAIN}/cluster"
"""The four ownership labels (fleet, app, environment, cluster): an object without them is never pruned."""

DIGEST_ANNOTATION = f"{LABEL_DOMAIN}/digest"
"""Digest of the rendered object, written on it, so that any clone can tell which release is live."""

FIELD_MANAGER = "fleet"
"""The server-side apply field manager of everything that fleet writes."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Identity of an object on one cluster. ``namespace`` is empty for cluster-scoped kinds."""

    __pydantic_config__ = CAMEL_CASE

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """API group; empty for the core group."""
        group, _, version = self.api_version.rpartition("/")
        return group if version else ""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Identity that does not change when only the API version does."""
        return (self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        if self.namespace:
            return f"{self.kind}/{self.namespace}/{self.name}"
        return f"{self.kind}/{self.name}"

    @classmethod
    def of(cls, manifest: Manifest) -> ObjectRef:
        """Return the identity of a manifest that has a kind and a name."""
        metadata = manifest["metadata"]
        return cls(manifest["apiVersion"], manifest["kind"], metadata.get("namespace") or "", metadata["name"])
