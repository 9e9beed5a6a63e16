"""Policy tests: scenarios of promotions, and what the gates are expected to say about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from fleet.model.base import Spec
from fleet.model.declared import ProvidesSpec, RequiresSpec
from fleet.model.gate import Verdict
from fleet.model.health import HealthStatus
from fleet.model.moments import Moment, Start
from fleet.model.names import AppName, ClusterName, EnvironmentName
from fleet.model.policy import GateName
from fleet.model.pull_request import CheckState
from fleet.model.release import CommitId, Release
from fleet.model.restriction import LABELS_LIMIT, Person, Version, Why

SOMEBODY = "Somebody <somebody@example.com>"
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


def _object(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not all(isinstance(text, str) and text for text in (manifest.get("apiVersion"), manifest.get("kind"), name)):
        raise ValueError("an object needs the texts `apiVersion`, `kind` and `metadata.name`")
    for key in ("data", "stringData"):
        if not isinstance(manifest.get(key, {}), dict):
            raise ValueError(f"`{key}` of `{name}` is not a mapping")
    return manifest


Object = Annotated[dict[str, Any], AfterValidator(_object)]
"""An object of Kubernetes, as far as gates look at it."""


class ReleaseGiven(Spec):
    """A release. It need not exist anywhere."""

    version: str
    """Semantic version."""
    revision: CommitId | None = None
    """Commit; absent: one that is made up, always the same for the same app and version."""
    images: dict[str, str] = Field(default_factory=dict)
    """Images by name."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Promoted values by dotted path."""
    provides: ProvidesSpec | None = None
    """What it provides; absent: what the app's `app.yaml` says as it stands."""
    requires: RequiresSpec | None = None
    """What it requires; absent: what the app's `app.yaml` says as it stands."""
    depends_on: tuple[AppName, ...] | None = None
    """What it depends on; absent: what the app's `app.yaml` says as it stands."""

    @model_validator(mode="after")
    def _semantic(self) -> Self:
        Release(version=self.version, revision="0" * 40)
        return self


class HealthGiven(Spec):
    """What one cluster shows of the app."""

    status: HealthStatus = HealthStatus.HEALTHY
    """Health of the app's objects."""
    exact: bool = True
    """Whether exactly the release is live that is asked about: `after` in the source, `before` where it goes."""
    since: Moment | None = None
    """Since when that release is live and healthy without a break; absent: the scenario's `since`, if it is healthy."""
    reason: str = ""
    """What is wrong."""


class ProbeGiven(Spec):
    """What an outside system answers to a gate of one's own."""

    verdict: Verdict = Verdict.PASSED
    """`pending`: there is no answer yet, or none that can be judged."""
    reason: str = "as the scenario says"
    """What was answered."""


class LockGiven(Spec):
    """A lock. What is not named is not restricted by it."""

    id: GateName = "lock"
    """Name of the lock."""
    environment: EnvironmentName | None = None
    """Locks this environment."""
    app: AppName | None = None
    """Locks this app."""
    cluster: ClusterName | None = None
    """Locks the environment of this cluster."""
    labels: dict[str, str] = Field(default_factory=dict, max_length=LABELS_LIMIT)
    """Locks environments with a cluster that carries these labels."""
    owner: Person = SOMEBODY
    """Who locked."""
    reason: Why = "as the scenario says"
    """Why."""
    created: Moment = "-0s"
    """When."""
    expires: Moment | None = None
    """When it ends by itself; absent: never."""


class HoldGiven(Spec):
    """A hold of one app in one environment."""

    app: AppName | None = None
    """Absent: the scenario's."""
    environment: EnvironmentName | None = None
    """Absent: where the release goes."""
    owner: Person = SOMEBODY
    """Who holds it."""
    reason: Why = "as the scenario says"
    """Why."""
    created: Moment = "-0s"
    """When."""


class RejectionGiven(Spec):
    """A rejected release of the app."""

    version: Version | None = None
    """Absent: the release that is to be promoted."""
    revision: CommitId | None = None
    """Its commit; absent: that of the scenario's release with this version."""
    owner: Person = SOMEBODY
    """Who rejected it."""
    reason: Why = "as the scenario says"
    """Why."""
    created: Moment = "-0s"
    """When."""


class HistoryGiven(Spec):
    """What happened to the app before."""

    release: ReleaseGiven
    """The release that came. One with version and commit of `before` or `after` is that one."""
    at: Moment
    """When it came to the protected branch."""
    kind: Literal["release", "promotion", "hotfix", "rollback", "manual"] = "promotion"
    """How it came."""
    environment: EnvironmentName | None = None
    """Where it came to; absent: where the scenario's release goes."""


class OverrideGiven(Spec):
    """A wish to promote past a gate."""

    gate: str
    """Name of the gate, like `soak`."""
    by: Person
    """Who wishes it, as `name <email>`."""
    reason: Why = "as the scenario says"
    """Why."""


class PullRequestGiven(Spec):
    """The pull request of the promotion, open already: approvals, owners and checks are judged as at its merge."""

    author: Person = SOMEBODY
    """Who opened it; their own approval does not count."""
    approvals: tuple[Person, ...] = ()
    """Who approved it as it is."""
    checks: dict[str, CheckState] = Field(default_factory=dict)
    """What the forge's checks found, by name; one that is not named has not reported."""


class FactsGiven(Spec):
    """What can change in the course of a scenario. What is left out is not known, as in life."""

    before: ReleaseGiven | None = None
    """The release that is there now; absent: a made-up `1.0.0` (`1.1.0` before a rollback)."""
    after: ReleaseGiven | None = None
    """The release that is to come; absent: a made-up `1.1.0` (`1.0.0` by a rollback)."""
    first: bool = False
    """Whether the app has no release there yet."""
    undoes_hotfix: bool = False
    """Whether `before` is a hotfix that `after` does not contain."""
    releases: dict[EnvironmentName, dict[AppName, ReleaseGiven]] = Field(default_factory=dict)
    """What else is pinned, by environment and app; other apps that are not named are pinned as in the fleet."""
    observed: Literal["nothing", "all-healthy"] = "nothing"
    """`all-healthy`: all clusters are healthy at exactly the releases, nothing is locked, held or rejected, and all
    gates of one's own pass, as far as the scenario does not say otherwise. `nothing`: only what it says is known."""
    since: Moment | None = None
    """Since when clusters are healthy of which it is not said; absent: with `all-healthy` for 30 days, else unknown."""
    health: dict[ClusterName, HealthGiven] = Field(default_factory=dict)
    """What clusters show of the app, in the source and where it goes."""
    versions: dict[ClusterName, str] = Field(default_factory=dict)
    """Kubernetes version of clusters, like `"1.36"`."""
    probes: dict[GateName, ProbeGiven] = Field(default_factory=dict)
    """Answers to gates of one's own that ask somebody, by name."""
    locks: tuple[LockGiven, ...] | None = None
    """Locks. Where one of `locks`, `holds` and `rejections` is given, all three are known."""
    holds: tuple[HoldGiven, ...] | None = None
    """Holds."""
    rejections: tuple[RejectionGiven, ...] | None = None
    """Rejected releases of the app."""
    history: tuple[HistoryGiven, ...] = ()
    """What happened to the app before, in any order."""
    objects: tuple[Object, ...] = ()
    """What is rendered for every cluster, for gates that look at objects."""
    conflicts: tuple[str, ...] = ()
    """Promotable values that were changed on both sides."""
    overrides: tuple[OverrideGiven, ...] = ()
    """What somebody wishes to promote past."""
    pull_request: PullRequestGiven | None = None
    """The pull request, if it is open already."""


class GivenSpec(FactsGiven):
    """The promotion, the time, and what is observed."""

    app: AppName
    """Which app."""
    to: EnvironmentName
    """Where the release goes. The policy of this environment decides."""
    source: EnvironmentName | None = Field(default=None, alias="from")
    """Where it comes from; absent: the environment before. One further up makes it a hotfix."""
    kind: Literal["promotion", "release", "hotfix", "rollback"] | None = None
    """What it is; absent: a promotion, or in the first environment of a pipeline a release."""
    at: Start
    """The time; without an offset in UTC."""


class GateExpected(Spec):
    """What one gate is expected to say. What is left out may be anything."""

    verdict: Verdict | None = None
    """Its verdict."""
    reason: str | None = None
    """A text that its reason contains."""
    holds: Literal["open", "merge"] | None = None
    """What it holds."""
    earliest: Moment | None = None
    """The earliest time at which it could pass by itself."""
    clears: str | None = None
    """A text that is part of who or what can make it pass."""


class ExpectSpec(Spec):
    """What is expected. Gates go by their name, `soak(staging)`, or by what stands before the brackets, `soak`."""

    open: bool | None = None
    """Whether the pull request may be opened (or the commit made, where releases are committed directly)."""
    merge: bool | None = None
    """Whether it may be merged."""
    refused: bool | None = None
    """Whether an override is refused, so that nothing happens at all."""
    passed: tuple[str, ...] = ()
    """Gates that pass."""
    pending: tuple[str, ...] = ()
    """Gates that do not pass yet."""
    failed: tuple[str, ...] = ()
    """Gates that say no."""
    overridden: tuple[str, ...] = ()
    """Gates that do not pass, and are promoted past."""
    absent: tuple[str, ...] = ()
    """Gates that have nothing to say."""
    only: tuple[str, ...] | None = None
    """All gates that have something to say."""
    gates: dict[str, GateExpected] = Field(default_factory=dict)
    """More of single gates."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("`expect` expects nothing; say for example `open: true`, or `pending: [soak]`")
        return self


class StepSpec(Spec):
    """A later moment of a scenario. What changed in the steps before stays so."""

    name: str = ""
    """What the step is about."""
    at: Moment | None = None
    """The time; absent: that of the step before."""
    given: FactsGiven = FactsGiven()
    """What is different from now on. Of `health`, `versions`, `probes` and `releases`, entries that are named."""
    expect: ExpectSpec
    """What is expected now."""


class ScenarioSpec(Spec):
    """One promotion, and what is expected of its gates."""

    name: Text
    """What it is about, unique in its file."""
    description: str = ""
    """More about it."""
    given: GivenSpec
    """The promotion, the time, and what is observed."""
    expect: ExpectSpec | None = None
    """What is expected at first."""
    steps: tuple[StepSpec, ...] = ()
    """Later moments."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.expect is None and not self.steps:
            raise ValueError(f"the scenario `{self.name}` expects nothing; it needs `expect` or `steps`")
        return self


class PolicyTestFile(Spec):
    """`policies/*.yaml`: scenarios that `fleet test` puts before the gates."""

    description: str = ""
    """What the scenarios are about."""
    scenarios: tuple[ScenarioSpec, ...]
    """The scenarios."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.scenarios:
            raise ValueError("`scenarios` is empty, so nothing is tested")
        return self
