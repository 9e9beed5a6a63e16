"""The three states of a target: desired (git, rendered), recorded (last apply), live (API server)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fleet.model.names import Target
from fleet.model.objects import Manifest, ObjectRef
from fleet.model.release import Release


@dataclass(frozen=True, slots=True)
class Migration:
    """A Job that changes a database schema, beside the objects of a target."""

    job: Manifest
    """As rendered, without ownership labels; shared between targets."""
    schema: str
    version: str
    phase: str
    """`expand`: before the objects are applied; `contract`: after they are healthy."""

    @property
    def name(self) -> str:
        """Name of the Job, which is that of the migration."""
        return str(self.job["metadata"]["name"])

    @property
    def text(self) -> str:
        """What it is, for people."""
        return f"migration `{self.name}` ({self.phase}: schema `{self.schema}` {self.version})"


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What git says about one target, rendered.

    ``objects`` carry the ownership labels and the digest annotation. ``digest`` covers all of them and the
    engine settings: equal digests mean that nothing is to be done.
    """

    target: Target
    release: Release
    objects: Sequence[Manifest]
    """In the order of application. Labels are put on lazily: most targets are never looked at."""
    digest: str
    migrations: tuple[Migration, ...] = ()
    """Jobs that are not among the objects: each runs once, in this order. The digest covers them."""


@dataclass(frozen=True, slots=True)
class RecordedObject:
    """One object as the last apply left it.

    ``inputs`` is what was asked for; ``live`` is the API server's answer pruned to the fields of ``inputs``, so
    it is in the server's normal form. Secret values are replaced by keyed hashes in both.
    """

    ref: ObjectRef
    inputs: Manifest
    live: Manifest
    uid: str = ""
    """`metadata.uid` of the answer, and the two below; an object that still has them need not be compared."""
    resource_version: str = ""
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the last successful apply of a target wrote."""

    target: Target
    release: Release
    digest: str
    applied_at: datetime
    run_id: str
    fence: int
    """Fencing token of the lease under which it was written; a smaller one may never overwrite a larger one."""
    objects: tuple[RecordedObject, ...] = field(default=(), repr=False)
