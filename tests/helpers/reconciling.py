"""A small world for tests of reconciling: a fleet without files, clusters and an engine in memory, a real store."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fleet.adapters.store.sqlite import SqlStore
from fleet.bootstrap.clock import SystemClock
from fleet.engine.fingerprint import mask_secrets
from fleet.engine.objects import object_digest, ownership, set_digest, target_digest, with_ownership
from fleet.errors import Problem
from fleet.model.declared import AccessSpec, AppSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.fleet import Environment, Fleet, Wave
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.reconcile import BAD_OUTCOMES, Run
from fleet.model.release import Pin, Release
from fleet.model.selector import ClusterSelector
from fleet.model.state import DesiredState, Migration
from fleet.operations.common.desired import DesiredTargets
from fleet.operations.common.stopping import Stop
from fleet.operations.reconcile import Options, Prepared, assess, execute
from tests.fakes.cluster import FakeClusters
from tests.fakes.deployer import FakeDeployer
from tests.helpers.reporting import RecordingReporter

REVISION = "4f1c2e" + "0" * 34
CONCEAL = partial(mask_secrets, key=b"k" * 32)


def release(version: str = "1.0.0") -> Release:
    return Release(version=version, revision=REVISION)


def make_fleet(
    environments: Mapping[str, Sequence[Sequence[str]]],
    apps: Sequence[str] = ("web",),
    *,
    limits: Mapping[str, int] | None = None,
) -> Fleet:
    """Return a fleet of environments, each given as waves of cluster names. ``limits``: `maxConcurrent` by wave."""
    built = {}
    for name, waves in environments.items():
        placed = tuple(
            Wave(f"w{position}", position, tuple(clusters), (limits or {}).get(f"w{position}"))
            for position, clusters in enumerate(waves)
        )
        names = tuple(cluster for wave in waves for cluster in wave)
        spec = EnvironmentSpec(clusters=ClusterSelector(names=names))
        built[name] = Environment(name, spec, names, placed, {app: Pin(release=release()) for app in apps})
    clusters = {
        cluster: ClusterSpec(access=AccessSpec(context=cluster), labels={"environment": name})
        for name, environment in built.items()
        for cluster in environment.clusters
    }
    return Fleet(
        file=FleetFile(name="shop"),
        environments=built,
        clusters=clusters,
        apps={app: AppSpec(namespace=app) for app in apps},
        revision=REVISION,
        origin="origin/main at 4f1c2e0",
    )


def deployment(app: str, image: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "namespace": app},
        "spec": {"replicas": 1, "image": image, **spec},
    }


def config_map(app: str, name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": app}, "data": data}


def secret(app: str, name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": app}, "data": data}


def job(app: str, name: str, ttl: int | None = 0) -> dict[str, Any]:
    """Return a Job that the server removes so many seconds after it is done; None: never."""
    container = {"name": name, "image": "registry.example/tool:1"}
    spec: dict[str, Any] = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    if ttl is not None:
        spec["ttlSecondsAfterFinished"] = ttl
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": app},
        "spec": spec,
    }


def migration(app: str, name: str, phase: str = "expand", version: str = "2.0.0") -> Migration:
    """Return a migration of the schema `orders`."""
    return Migration(job(app, name, None), "orders", version, phase)


def state_of(
    target: Target,
    version: str,
    objects: Sequence[Manifest],
    fleet: str = "shop",
    migrations: Sequence[Migration] = (),
) -> DesiredState:
    """Return rendered objects as the desired state of a target, with ownership."""
    owned = tuple(with_ownership(m, ownership(fleet, target), object_digest(m)) for m in objects)
    digest = target_digest(set_digest([*objects, *(m.job for m in migrations)]), fleet, target, "")
    return DesiredState(target, release(version), owned, digest, tuple(migrations))


@dataclass
class World:
    """A fleet, its clusters, and everything that a reconcile needs."""

    fleet: Fleet
    directory: Path
    version: dict[str, str] = field(default_factory=dict)
    """Version of an app; `1.0.0` if it is not given."""
    extra: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Further objects of an app."""
    migrations: dict[str, list[Migration]] = field(default_factory=dict)
    """Migrations of an app."""
    broken: set[str] = field(default_factory=set)
    """Apps that cannot be rendered."""

    def __post_init__(self) -> None:
        self.clusters = FakeClusters()
        self.deployer = FakeDeployer(self.clusters)
        self.clock = SystemClock()
        self.store = SqlStore(self.directory / "fleet.db", self.clock)
        self.reporter = RecordingReporter()

    def desired_of(self, targets: Sequence[Target]) -> DesiredTargets:
        states, problems = {}, {}
        for target in targets:
            if target.app in self.broken:
                problems[target] = (Problem("FLT-RND-002", "`values.port` is not defined"),)
                continue
            version = self.version.get(target.app, "1.0.0")
            steps = self.migrations.get(target.app, ())
            states[target] = state_of(target, version, self.rendered(target.app), self.fleet.name, steps)
        return DesiredTargets(states=states, problems=problems)

    def rendered(self, app: str) -> list[dict[str, Any]]:
        image = f"{app}:{self.version.get(app, '1.0.0')}"
        return [deployment(app, image), *self.extra.get(app, [])]

    def plan(self, **options: Any) -> Prepared:
        return assess(
            Options(**options),
            self.fleet,
            self.desired_of,
            clusters=self.clusters,
            store=self.store,
            stacks=self.deployer.stacks(),
            conceal=CONCEAL,
            reporter=self.reporter,
        )

    def execute(self, prepared: Prepared, *, stop: Stop | None = None, timeout: float = 0.3, **options: Any) -> Run:
        return execute(
            prepared,
            by="Ada <ada@example.com>",
            deployer=self.deployer,
            clusters=self.clusters,
            store=self.store,
            clock=self.clock,
            conceal=CONCEAL,
            reporter=self.reporter,
            stop=stop or Stop(),
            timeout=timeout,
            **options,
        )

    def reconcile(self, **options: Any) -> Run:
        return self.execute(self.plan(**options))


def outcomes(run: Run) -> dict[str, str]:
    """Return the outcome of each target as text, and tell on stderr why one ended badly."""
    for result in run.results:
        if result.outcome in BAD_OUTCOMES:
            sys.stderr.write(f"{result.target}: {result.outcome}: {result.reason}\n")
    return {str(r.target): r.outcome.value for r in run.results}
