"""Migrations: which Jobs of a release change a database schema, and which of them run when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from fleet.errors import Location, Problem
from fleet.model.declared import AppSpec
from fleet.model.objects import LABEL_DOMAIN, MANAGED_BY, MANAGED_BY_LABEL, Manifest, ObjectRef
from fleet.model.state import DesiredState, Migration

BAD_JOB = "FLT-RND-054"

MIGRATIONS_LABEL = f"{LABEL_DOMAIN}/migrations"
"""Label of the Jobs and notes of migrations, with the app. They carry no ownership labels, or they would be pruned."""

EARLY = frozenset(
    {
        "Namespace",
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "PersistentVolumeClaim",
        "Role",
        "RoleBinding",
        "SealedSecret",
        "ExternalSecret",
    }
)
"""Kinds that a Job may need to run. Of a new app they are made before its first migration."""


def migrations_of(
    objects: Sequence[Manifest], app: str, spec: AppSpec
) -> tuple[tuple[Migration, ...], tuple[Problem, ...]]:
    """Return the migrations of what an app renders, in the order of `app.yaml`; and what is wrong with them."""
    found, problems = [], []
    jobs: dict[str, list[Manifest]] = {}
    for manifest in objects:
        if manifest.get("kind") == "Job" and str(manifest.get("apiVersion", "")).startswith("batch/"):
            jobs.setdefault(manifest["metadata"]["name"], []).append(manifest)
    for step in spec.migrations:
        named = jobs.get(step.job, [])
        if len(named) != 1:
            text = f"the migration `{step.job}` needs one Job of that name, and the app renders {len(named) or 'none'}"
            problems.append(Problem(BAD_JOB, text, Location(f"apps/{app}/app.yaml")))
            continue
        job = named[0]
        found.append(Migration(job, step.schema_name, step.version, step.phase))
    return tuple(found), tuple(problems)


def phases(
    migrations: Sequence[Migration], done: Collection[str]
) -> tuple[tuple[Migration, ...], tuple[Migration, ...]]:
    """Return the migrations that run before the objects of a release are applied, and those that run after.

    The order of `app.yaml` is kept: an earlier step that is still to be done goes before a later one, whatever its
    phase. On a new cluster that is the whole past.
    """
    left = [migration for migration in migrations if migration.name not in done]
    last = max((n for n, migration in enumerate(left) if migration.phase == "expand"), default=-1)
    return tuple(left[: last + 1]), tuple(left[last + 1 :])


def migration_texts(before: Iterable[DesiredState], after: Iterable[DesiredState]) -> tuple[str, ...]:
    """Return a sentence for each migration that comes with a change: those that are not part of what is there."""
    known = {migration.name for state in before for migration in state.migrations}
    when = {"expand": "before the new objects are applied", "contract": "once the new objects are healthy"}
    return tuple(
        dict.fromkeys(
            f"runs the {migration.text} {when[migration.phase]}"
            for state in after
            for migration in state.migrations
            if migration.name not in known
        )
    )


def notes_ref(app: str, namespace: str) -> ObjectRef:
    """Return the ConfigMap that says which migrations of an app have run on a cluster."""
    return ObjectRef("v1", "ConfigMap", namespace, f"fleet-migrations-{app}")


def notes(ref: ObjectRef, done: Mapping[str, str], app: str) -> Manifest:
    """Return that ConfigMap: what each migration led to, by name."""
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels(app)},
        "data": dict(sorted(done.items())),
    }


def job_of(migration: Migration, app: str) -> Manifest:
    """Return the Job of a migration as it is applied."""
    metadata = migration.job["metadata"]
    own = {**(metadata.get("labels") or {}), **labels(app)}
    return {**migration.job, "metadata": {**metadata, "labels": own}}


def labels(app: str) -> dict[str, str]:
    """Return the labels of Jobs and notes."""
    return {MANAGED_BY_LABEL: MANAGED_BY, MIGRATIONS_LABEL: app}


def is_complete(job: Manifest) -> bool:
    """Say whether a Job has done all that it was to do."""
    status = job.get("status")
    conditions = status.get("conditions") if isinstance(status, Mapping) else None
    return any(
        isinstance(c, Mapping) and c.get("type") == "Complete" and c.get("status") == "True" for c in conditions or ()
    )
