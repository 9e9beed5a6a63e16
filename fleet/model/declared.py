"""What people declare: the fleet file, environments, clusters and apps. One class per kind of file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from fleet.model.base import Duration, Spec
from fleet.model.discovery import DiscoverSpec
from fleet.model.names import LABEL_PATTERN, AppName, EnvironmentName, WaveName
from fleet.model.policy import PolicySpec, RoleName
from fleet.model.selector import ClusterSelector

JobName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=63)]


class GitSpec(Spec):
    """Where the truth is."""

    remote: str = "origin"
    """Name of the git remote that holds the protected branch."""
    branch: str = "main"
    """The protected branch: what it says is what runs."""


class ForgeSpec(Spec):
    """Where pull requests live."""

    type: Literal["local"] = "local"
    """`local` keeps pull requests as refs inside the remote repository itself; no server is needed."""


class EngineSpec(Spec):
    """How targets are reconciled."""

    provider: Literal["resident", "stock"] = "resident"
    """`resident`: fleet's own long-lived Kubernetes provider. `stock`: the official `pulumi-resource-kubernetes`."""
    parallelism: int = Field(default=4, ge=1, le=256, strict=True)
    """How many targets are reconciled at the same time."""
    timeout: Duration = "5m"
    """How long a target may take to apply and to become healthy."""


class FleetFile(Spec):
    """`fleet.yaml`: the root of the fleet model."""

    name: AppName
    """Name of the fleet; part of the ownership labels on every object."""
    git: GitSpec = GitSpec()
    """The repository that holds this fleet."""
    forge: ForgeSpec = ForgeSpec()
    """Where promotions are reviewed."""
    engine: EngineSpec = EngineSpec()
    """How targets are reconciled."""
    roles: dict[RoleName, tuple[str, ...]] = Field(default_factory=dict)
    """Who has which role, by e-mail address (or by the forge's login). Policies name the roles."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that gates and release discovery may ask: `name` or `name:port` by https, `http://name:port` without it.
    Loopback hosts need no `http://`. Empty: none."""


class WaveSpec(Spec):
    """An ordered group of clusters inside an environment; the next wave starts when this one is healthy."""

    name: WaveName
    """Name of the wave, unique in its environment."""
    clusters: ClusterSelector
    """Which of the environment's clusters belong to the wave."""
    max_concurrent: int | None = Field(default=None, ge=1, strict=True)
    """How many clusters of the wave change at once; absent: as many as the engine's parallelism allows."""


class EnvironmentSpec(Spec):
    """`environments/<env>/environment.yaml`: owned by people, never changed by a promotion."""

    description: str = ""
    """What the environment is for."""
    promotes_from: EnvironmentName | None = None
    """The environment that releases come from. Absent: the first one of a pipeline."""
    track: str | None = None
    """Follow a branch: every app runs as it stands on that branch. Only for the first environment of a pipeline."""
    clusters: ClusterSelector
    """Which clusters form the environment. A cluster belongs to exactly one."""
    waves: tuple[WaveSpec, ...] = ()
    """Order of roll-out. Absent: one wave with all clusters."""
    policy: PolicySpec = PolicySpec()
    """What it takes to change this environment."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Values of every app in this environment."""


class AccessSpec(Spec):
    """How to reach a cluster: always a reference, never a credential."""

    context: str | None = None
    """Context of a kubeconfig file."""
    kubeconfig: str | None = None
    """Path of the kubeconfig file; `~` and `$VAR` are expanded. Absent: `$KUBECONFIG`, then `~/.kube/config`."""
    sandbox: str | None = None
    """Name of a cluster of the local sandbox, instead of the other two."""
    exec_allowed: tuple[str, ...] = ()
    """Credential plugins (`exec:` in the kubeconfig) that may run, by command name. Empty: none."""


class ClusterSpec(Spec):
    """`clusters/<cluster>.yaml`: one Kubernetes API server."""

    description: str = ""
    """What the cluster is for."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels that selectors match; templates see them too."""
    access: AccessSpec
    """How to reach it."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Values of every app on this cluster."""


class ProvidesSpec(Spec):
    """What a release offers: other apps of the same environment rely on it."""

    apis: dict[str, str] = Field(default_factory=dict)
    """Version of each API, by name: `{reviews: 2.1.0}`."""
    schemas: dict[str, str] = Field(default_factory=dict)
    """Version of each database schema once its migrations have run, by name."""


class RequiresSpec(Spec):
    """What a release needs of the other apps of its environment."""

    apis: dict[str, str] = Field(default_factory=dict)
    """Range of versions of each API, by name: `{reviews: ">=2.0 <3"}`."""
    schemas: dict[str, str] = Field(default_factory=dict)
    """Range of versions of each database schema, by name."""


class MigrationSpec(Spec):
    """A step of a database schema, as a Job of the app's templates. It runs once on each cluster."""

    job: JobName
    """Name of the Job among what the app renders. It names the migration: what has run under it never runs again."""
    schema_name: str = Field(alias="schema")
    """Schema that it changes, one of those under `provides.schemas`."""
    version: str
    """Version that the schema has after it."""
    phase: Literal["expand", "contract"] = "expand"
    """`expand`: before the release's other objects are applied. `contract`: after they are healthy."""


class AppSpec(Spec):
    """`apps/<app>/app.yaml`: what an app is."""

    description: str = ""
    """What the app is for."""
    namespace: str | None = None
    """Namespace of every rendered object that names none. Absent: each object must name its own."""
    source: Literal["templates", "program"] = "templates"
    """`templates`: Jinja2 files in `templates/`. `program`: a Pulumi program in `program.py`."""
    images: dict[str, str] = Field(default_factory=dict)
    """Images by name with their default reference; a release may set each."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Default values."""
    promotable: tuple[str, ...] = ()
    """Dotted paths of values that a release carries from one environment to the next."""
    depends_on: tuple[AppName, ...] = ()
    """Apps that have to be promoted before this one, where they move together."""
    provides: ProvidesSpec = ProvidesSpec()
    """Interfaces that this release offers to other apps."""
    requires: RequiresSpec = RequiresSpec()
    """Interfaces of other apps that this release needs."""
    migrations: tuple[MigrationSpec, ...] = ()
    """Steps of the database schemas that the app provides, oldest first."""
    discover: DiscoverSpec | None = None
    """Newer images that `fleet releases discover` proposes to the first environment. Read from the protected branch."""
    cluster_scoped: tuple[str, ...] = ()
    """Kinds (`<group>/<Kind>`) beyond the built-in ones that have no namespace."""
