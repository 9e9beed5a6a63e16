"""The same registrations as :mod:`fleet.adapters.pulumi.language` makes, through the Pulumi SDK.

For people who run `pulumi` themselves with Pulumi's own Python runtime, and for the Automation API. Fleet itself never
imports this: the SDK costs a quarter of a CPU second to import and 5 ms for each object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from fleet.adapters.pulumi.language import FIRST, needed_by, provided_by
from fleet.adapters.pulumi.names import PROVIDER_NAME, resource_name, type_token
from fleet.adapters.pulumi.provider.shapes import is_secret
from fleet.adapters.pulumi.server import sdk_version
from fleet.adapters.pulumi.structs import without_nulls
from fleet.engine.objects import in_apply_order
from fleet.model.objects import Manifest, ObjectRef


def register(objects: Sequence[Manifest], provider_inputs: Mapping[str, Any]) -> None:
    """Register a target's objects in the running Pulumi program."""
    version = sdk_version()
    provider = pulumi.ProviderResource(
        "kubernetes", PROVIDER_NAME, dict(provider_inputs), pulumi.ResourceOptions(version=version)
    )
    ordered = in_apply_order(objects)
    made: dict[tuple[str, str], pulumi.Resource] = {}
    for manifest in (
        *(m for m in ordered if m["kind"] in FIRST),
        *(m for m in ordered if m["kind"] not in FIRST),
    ):
        ref = ObjectRef.of(manifest)
        resource = pulumi.CustomResource(
            type_token(ref.api_version, ref.kind),
            resource_name(ref),
            _properties(manifest),
            pulumi.ResourceOptions(
                provider=provider,
                version=version,
                depends_on=[made[key] for key in needed_by(manifest) if key in made],
            ),
        )
        made[provided_by(manifest)] = resource


def _properties(manifest: Manifest) -> dict[str, Any]:
    properties = dict(without_nulls(manifest))
    if is_secret(manifest):
        for name in ("data", "stringData"):
            if name in properties:
                properties[name] = pulumi.Output.secret(properties[name])
    return properties
