"""List the versions that a repository of a registry holds: of an image, or of a Helm chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fleet.engine.ranges import range_fault, satisfies
from fleet.engine.references import parse
from fleet.engine.tags import core, form_fault, is_prerelease, version_of
from fleet.engine.versions import precedence
from fleet.errors import FleetError, RegistryError, UsageError
from fleet.model.discoveries import ListedVersion, VersionList
from fleet.operations.common.loading import load_fleet
from fleet.ports.config import FleetLoader
from fleet.ports.registry import Registries
from fleet.ports.repository import RepositoryReader

BAD_QUERY = "FLT-REG-020"
NO_CHART = "FLT-REG-021"
TAG_GONE = "FLT-REG-010"

Connect = Callable[[Sequence[str]], Registries]


@dataclass(frozen=True)
class Query:
    """What to list."""

    reference: str
    """Repository, with or without `oci://`."""
    range: str = "*"
    form: str | None = None
    """Form of the tags that are versions."""
    prereleases: bool = False
    limit: int = 20
    """How many of the newest versions to look at."""
    chart: bool = False
    """Whether every version has to be a Helm chart."""


def list_versions(
    query: Query, connect: Connect, *, repository: RepositoryReader, loader: FleetLoader, branch: str
) -> VersionList:
    """Return the newest versions of a repository, with what each tag points at.

    Args:
        query: what to list.
        connect: gives what asks registries. They are asked as far as the protected branch lets fleet ask them.
        repository: the repository of the fleet.
        loader: reads the fleet.
        branch: the protected branch.

    Raises:
        UsageError: the repository, the range or the form is badly written.
        RegistryError: the registry may not be asked, has no such repository, or its answer cannot be used; or a
            version is no chart where charts are wanted.
        UnreachableError: the registry cannot be reached, or refuses the credentials.
    """
    try:
        reference = parse(query.reference.removeprefix("oci://"))
    except ValueError as error:
        raise UsageError(str(error), code=BAD_QUERY) from error
    fault = range_fault(query.range) or (form_fault(query.form) if query.form is not None else None)
    if reference.tag is not None or reference.digest is not None:
        fault = f"`{query.reference}` names one version"
    if fault is not None:
        raise UsageError(fault, code=BAD_QUERY, hints=(f"fleet releases list {reference.name} --range '>=1.2 <2'",))
    fleet, _ = load_fleet(repository, loader, branch)
    registries, there = connect(fleet.file.allowed_hosts), reference.repository
    tags = registries.tags([there])[there]
    if isinstance(tags, FleetError):
        raise tags
    versions = {tag: version for tag in tags if (version := version_of(tag, query.form)) and _wanted(version, query)}
    newest = sorted(sorted(versions), key=lambda tag: precedence(versions[tag]), reverse=True)[: query.limit]
    found = registries.manifests([(there, tag) for tag in newest])
    listed = []
    for tag in newest:
        manifest = found[there, tag]
        if isinstance(manifest, FleetError):
            raise manifest
        if manifest is None:
            raise RegistryError(f"{there}:{tag} was listed, and is not there", code=TAG_GONE)
        if query.chart and manifest.kind != "chart":
            raise RegistryError(f"{there}:{tag} is no Helm chart, but an {manifest.kind}", code=NO_CHART)
        listed.append(ListedVersion(tag=tag, version=versions[tag], kind=manifest.kind, digest=manifest.digest))
    return VersionList(repository=str(there), tags=len(tags), versions=tuple(listed))


def _wanted(version: str, query: Query) -> bool:
    if satisfies(version, query.range):
        return query.prereleases or not is_prerelease(version)
    return query.prereleases and is_prerelease(version) and satisfies(core(version), query.range)
