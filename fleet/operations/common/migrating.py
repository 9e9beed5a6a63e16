"""Runs the migrations of a target: Jobs, each once on its cluster, before or after the other objects of a release.

A Job that is done is noted in a ConfigMap beside it, so that nothing depends on whether somebody tidies up Jobs. Jobs
and notes are no part of the target's stack: neither a prune nor a rollback takes them away, as what they did stays too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fleet.engine.health import object_health
from fleet.engine.migrations import EARLY, is_complete, job_of, labels, notes, notes_ref
from fleet.errors import FleetError
from fleet.failpoints import failpoint
from fleet.model.health import HealthStatus, ObjectHealth
from fleet.model.objects import FIELD_MANAGER, Manifest, ObjectRef
from fleet.model.state import DesiredState, Migration
from fleet.operations.common.awaiting import SLICE
from fleet.operations.common.stopping import Stop
from fleet.ports.clock import Clock
from fleet.ports.cluster import ClusterWriter

FAILED = "FLT-DEP-060"
_TRIES = 100
"""How often a Job that is being deleted is looked at before it counts as stuck; each look waits for a change."""


@dataclass
class Migrator:
    """Migrations of one target. Its methods are called under the target's lease."""

    desired: DesiredState
    writer: ClusterWriter
    deadline: float
    """End of patience, on the monotonic clock."""
    clock: Clock
    stop: Stop
    _noted: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the notes say, by namespace."""

    def done(self) -> set[str]:
        """Return the names of migrations that have run on this cluster; one that is not noted yet is noted now."""
        found = set()
        for migration in self.desired.migrations:
            noted = migration.name in self._notes(_ref(migration).namespace)
            if not noted and self._ran(migration):
                self._note(migration)
                noted = True
            if noted:
                found.add(migration.name)
        return found

    def run(self, migrations: Iterable[Migration]) -> None:
        """Run migrations one after the other, each to its end.

        Raises:
            FleetError: one failed, or did not end in time; the ones after it did not run.
            UnreachableError: the cluster cannot be reached.
        """
        for migration in migrations:
            self._start(migration)
            health = self._await(_ref(migration))
            if not self._ran(migration):
                raise self._not_done(migration, health)
            self._note(migration)

    def prepare(self) -> None:
        """Make what Jobs may need and a new app does not have yet; what is there is left as it is."""
        for manifest in self.desired.objects:
            if manifest["kind"] in EARLY and self.writer.get(ObjectRef.of(manifest)) is None:
                self.writer.apply(manifest, manager=FIELD_MANAGER)

    def _ran(self, migration: Migration) -> bool:
        live = self.writer.get(_ref(migration))
        return live is not None and is_complete(live)

    def _start(self, migration: Migration) -> None:
        ref = _ref(migration)
        live = self.writer.get(ref)
        if live is not None and object_health(live, ref).status is HealthStatus.FAILED:
            # A failed Job does not try again, and cannot be changed. One that still runs is never cut short.
            self.writer.delete(ref, propagation="Background", uid=live["metadata"].get("uid"))
            self._await_absence(ref)
            live = None
        if live is None:
            failpoint("migration.before-job")
            self.writer.apply(job_of(migration, self.desired.target.app), manager=FIELD_MANAGER)
            failpoint("migration.after-job")

    def _await(self, ref: ObjectRef) -> ObjectHealth:
        """Wait until a Job is complete or has failed."""
        while True:
            live = self.writer.get(ref)
            health = object_health(live, ref)
            if _ended(live, health) or self._out_of_time():
                return health
            for event in self._changes(ref):
                if event is None or _ended(event, object_health(event, ref)):
                    break

    def _await_absence(self, ref: ObjectRef) -> None:
        for _ in range(_TRIES):
            if self.writer.get(ref) is None:
                return
            if self._out_of_time():
                break
            for event in self._changes(ref):
                if event is None:
                    break
        raise FleetError(f"`{ref}` of an earlier attempt does not go away", code=FAILED)

    def _changes(self, ref: ObjectRef) -> Iterable[Manifest | None]:
        """Yield states of an object as they come; None when it is gone."""
        left = max(self.deadline - self.clock.monotonic(), 0)
        for event in self.writer.watch(
            ref.api_version,
            ref.kind,
            labels=labels(self.desired.target.app),
            namespace=ref.namespace,
            timeout=min(left, SLICE),
        ):
            if event.type != "BOOKMARK" and ObjectRef.of(event.object).identity == ref.identity:
                yield None if event.type == "DELETED" else event.object

    def _out_of_time(self) -> bool:
        return self.stop.requested or self.clock.monotonic() >= self.deadline

    def _notes(self, namespace: str) -> Mapping[str, str]:
        if namespace not in self._noted:
            live = self.writer.get(notes_ref(self.desired.target.app, namespace))
            data = live.get("data") if live is not None else None
            self._noted[namespace] = dict(data) if isinstance(data, Mapping) else {}
        return self._noted[namespace]

    def _note(self, migration: Migration) -> None:
        ref = notes_ref(self.desired.target.app, _ref(migration).namespace)
        done = {**self._notes(ref.namespace), migration.name: f"{migration.schema} {migration.version}"}
        failpoint("migration.before-note")
        self.writer.apply(notes(ref, done, self.desired.target.app), manager=FIELD_MANAGER, force=True)
        failpoint("migration.after-note")
        self._noted[ref.namespace] = done

    def _not_done(self, migration: Migration, health: ObjectHealth) -> FleetError:
        target, ref = self.desired.target, _ref(migration)
        again = f"fleet reconcile -e {target.environment} -c {target.cluster} -a {target.app}"
        if health.status is HealthStatus.FAILED:
            return FleetError(
                f"{migration.text}: `{ref}` {health.reason}",
                code=FAILED,
                hints=(
                    f"look at it: `kubectl logs job/{ref.name} -n {ref.namespace}` on `{target.cluster}`",
                    f"it runs again with `{again}`",
                ),
            )
        why = "interrupted" if self.stop.requested else "not done in time (`engine.timeout`)"
        return FleetError(f"{migration.text}: {why}: `{ref}` {health.reason}", code=FAILED, hints=(f"`{again}`",))


def _ref(migration: Migration) -> ObjectRef:
    return ObjectRef.of(migration.job)


def _ended(live: Manifest | None, health: ObjectHealth) -> bool:
    return live is not None and (is_complete(live) or health.status is HealthStatus.FAILED)
