"""How objects of a target are called in its stack: type tokens, names and URNs.

Type tokens are those of pulumi-kubernetes (``kubernetes:apps/v1:Deployment``, ``kubernetes:core/v1:Secret``); resource
names are ``<namespace>/<name>``, or ``<name>`` for cluster-scoped kinds, so that a program that a person writes against
the same stack gives the same URNs.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet.model.objects import ObjectRef

PACKAGE = "kubernetes"
PROVIDER_TYPE = "pulumi:providers:kubernetes"
ROOT_TYPE = "pulumi:pulumi:Stack"
PROVIDER_NAME = "cluster"
"""Name of the provider resource in every stack."""


@dataclass(frozen=True, slots=True)
class Urn:
    """A resource of a stack: `urn:pulumi:<stack>::<project>::<type>::<name>`."""

    stack: str
    project: str
    type: str
    name: str

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.type}::{self.name}"

    @classmethod
    def parse(cls, text: str) -> Urn:
        """Parse a URN; of a qualified type (`parent$child`) only the resource's own type is kept.

        Raises:
            ValueError: it is not a URN.
        """
        parts = text.removeprefix("urn:pulumi:").split("::", 3)
        if len(parts) != 4 or not text.startswith("urn:pulumi:"):
            raise ValueError(f"`{text}` is not a URN")
        stack, project, types, name = parts
        return cls(stack, project, types.rpartition("$")[2], name)

    @property
    def ref(self) -> ObjectRef | None:
        """The Kubernetes object that this is about, or None for the stack and its provider."""
        package, _, rest = self.type.partition(":")
        api_version, _, kind = rest.rpartition(":")
        if package != PACKAGE or not api_version or not kind:
            return None
        namespace, _, name = self.name.rpartition("/")
        return ObjectRef(api_version.removeprefix("core/"), kind, namespace, name)


def type_token(api_version: str, kind: str) -> str:
    """Return the Pulumi type of a kind; the core group, which has no name, is called `core`."""
    return f"{PACKAGE}:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


def resource_name(ref: ObjectRef) -> str:
    """Return the Pulumi name of an object, unique in its stack for its kind."""
    return f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name


def object_urn(stack: str, project: str, ref: ObjectRef) -> Urn:
    """Return the URN of an object in a stack."""
    return Urn(stack, project, type_token(ref.api_version, ref.kind), resource_name(ref))
