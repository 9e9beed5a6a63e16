"""Whether releases that run side by side fit together: APIs and database schemas, in both directions. Pure.

A release *provides* versions and *requires* ranges (`app.yaml` at its revision). Where several releases provide the
same API, nobody can know which of them a consumer reaches: all of them have to fit.

Schemas move in one direction only. While a release is rolled out, the one before still runs: both have to work with
the schema as it was and as it will be (expand and contract,
https://martinfowler.com/bliki/ParallelChange.html). A rollback of the code does not take a migration back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fleet.engine.ranges import satisfies
from fleet.engine.versions import is_version, precedence
from fleet.model.declared import AppSpec

Kind = Literal["API", "schema"]
Key = tuple[str, Kind, str]
"""Consumer, kind and name of a requirement."""


@dataclass(frozen=True)
class Side:
    """A release of one app, and what it declares."""

    app: str
    version: str
    spec: AppSpec

    @property
    def text(self) -> str:
        """App and version, for people."""
        return f"`{self.app}` {self.version}"


@dataclass(frozen=True)
class Conflict:
    """A requirement that is not met."""

    consumer: Side
    kind: Kind
    name: str
    wanted: str
    provider: Side | None = None
    """Who provides it in a version that does not fit; none: nobody provides it."""
    provided: str = ""

    @property
    def key(self) -> Key:
        """What stays the same about it when releases change."""
        return self.consumer.app, self.kind, self.name

    def text(self, environment: str) -> str:
        """Return it as a sentence."""
        needs = f"{self.consumer.text} requires the {self.kind} `{self.name}` `{self.wanted}`"
        if self.provider is None:
            return f"{needs}, and nothing in `{environment}` provides it"
        return f"{needs}, and {self.provider.text} provides {self.provided}"


def conflicts(sides: Iterable[Side], reached: Mapping[str, str] | None = None) -> tuple[Conflict, ...]:
    """Return every requirement that a set of releases does not meet among themselves.

    A schema that an app provides itself is no matter of this: see :func:`schema_faults`.

    Args:
        sides: one release for each app.
        reached: version of schemas, where the database is further than its provider says (after a rollback).
    """
    all_of_them = tuple(sides)
    found: list[Conflict] = []
    for consumer in all_of_them:
        for name, wanted in sorted(consumer.spec.requires.apis.items()):
            found += _unmet(consumer, "API", name, wanted, all_of_them, {})
        for name, wanted in sorted(consumer.spec.requires.schemas.items()):
            found += _unmet(consumer, "schema", name, wanted, all_of_them, reached or {})
    return tuple(found)


def _unmet(
    consumer: Side, kind: Kind, name: str, wanted: str, sides: Iterable[Side], reached: Mapping[str, str]
) -> Iterable[Conflict]:
    provided = [(side, version) for side in sides if (version := _offers(side, kind).get(name)) is not None]
    if kind == "schema" and any(side.app == consumer.app for side, _ in provided):
        return ()
    if not provided:
        return (Conflict(consumer, kind, name, wanted),)
    if kind == "schema":
        provided = [(side, later(version, reached.get(name))) for side, version in provided]
    return tuple(
        Conflict(consumer, kind, name, wanted, side, version)
        for side, version in provided
        if not satisfies(version, wanted)
    )


def _offers(side: Side, kind: Kind) -> Mapping[str, str]:
    return side.spec.provides.apis if kind == "API" else side.spec.provides.schemas


def interfaces(spec: AppSpec) -> bool:
    """Say whether an app declares anything that has to fit."""
    provides, requires = spec.provides, spec.requires
    return bool(provides.apis or provides.schemas or requires.apis or requires.schemas)


def later(version: str, other: str | None) -> str:
    """Return the later one of two versions; what is not a version does not count."""
    if other is None or not is_version(other):
        return version
    return other if not is_version(version) or precedence(version) < precedence(other) else version


def works_with(spec: AppSpec, schema: str) -> str | None:
    """Return the range of a schema that an app works with; None if it says nothing about it.

    Without a range of its own, an app works with every version of the same major one as that it provides (before 1.0.0,
    of the same minor one): within it, a schema is only extended, and code does not rely on what may not be there yet.
    """
    wanted = spec.requires.schemas.get(schema)
    if wanted is not None:
        return wanted
    provided = spec.provides.schemas.get(schema)
    if provided is None or not is_version(provided):
        return provided
    major, minor = provided.split(".")[:2]
    return f"^{major}" if major != "0" else f"^0.{minor}"


@dataclass(frozen=True)
class SchemaFault:
    """A release that cannot work with the schema that it would meet."""

    side: Side
    schema: str
    works_with: str
    version: str
    """The version that it would meet."""
    past: bool
    """Whether the database has that version already: nothing that is done now can help."""

    @property
    def key(self) -> Key:
        """What stays the same about it when releases change."""
        return self.side.app, "schema", self.schema


def schema_faults(before: Side | None, after: Side, reached: Mapping[str, str]) -> tuple[SchemaFault, ...]:
    """Return why two releases of an app cannot take turns on its own database schemas.

    Args:
        before: what runs now, and goes on running while the other one is rolled out.
        after: what is to run.
        reached: version that each schema has in the environment.
    """
    found = []
    for schema in sorted({*after.spec.provides.schemas, *(before.spec.provides.schemas if before else ())}):
        own = after.spec.provides.schemas.get(schema)
        now = reached.get(schema)
        if before is not None and schema in before.spec.provides.schemas:
            now = later(before.spec.provides.schemas[schema], now)
        then = now if own is None else later(own, now)
        if now is not None:
            found += _fault(after, schema, now, past=True)
        if then is not None and then != now:
            found += _fault(after, schema, then, past=False)
            found += _fault(before, schema, then, past=False)
    return tuple(found)


def _fault(side: Side | None, schema: str, version: str, *, past: bool) -> list[SchemaFault]:
    wanted = works_with(side.spec, schema) if side is not None else None
    if side is None or wanted is None or satisfies(version, wanted):
        return []
    return [SchemaFault(side, schema, wanted, version, past)]
