"""What people declare: the fleet file, environments, clusters and apps. One class per kind of file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from fleet.model.base import Spec
from fleet.model.names import AppName, EnvironmentName, WaveName
from fleet.model.selector import ClusterSelector

Duration = Annotated[str, StringConstraints(pattern=r"^(\d+(ms|s|m|h|d))+$")]
"""A Go-style duration of whole numbers: `90s`, `1h30m`, `2d`. Parsed by :func:`fleet.model.durations.seconds`."""


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


class WaveSpec(Spec):
    """An ordered group of clusters inside an environment; the next wave starts when this one is healthy."""

    name: WaveName
    """Name of the wave, unique in its environment."""
    clusters: ClusterSelector
    """Which of the environment's clusters belong to the wave."""
    max_concurrent: int | None = Field(default=None, ge=1, strict=True)
    """How many clusters of the wave change at once; absent: as many as the engine's parallelism allows."""


class PolicySpec(Spec):
    """What it takes to change an environment. Read from the protected branch only, never from a pull request."""

    approvals: int = Field(default=0, ge=0, le=20, strict=True)
    """Approvals that a pull request needs before it may merge; the author's own does not count."""
    releases: Literal["pull-request", "direct"] = "pull-request"
    """How `fleet release` writes here: by pull request, or as a commit on the branch (for CI)."""
    merge_method: Literal["merge", "fast-forward"] = "merge"
    """How promotions are merged: always a merge commit, or a fast-forward where that is possible."""


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
    cluster_scoped: tuple[str, ...] = ()
    """Kinds (`<group>/<Kind>`) beyond the built-in ones that have no namespace."""
