"""Policies: what it takes to change an environment. Part of `environment.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from fleet.model.base import Duration, Spec
from fleet.model.names import LABEL_PATTERN

GateName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=63)]
RoleName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=63)]


class WindowSpec(Spec):
    """A time in which promotions may land (`allow`), or may not (`freeze`)."""

    name: GateName
    """Name of the window, unique in its environment."""
    kind: Literal["allow", "freeze"]
    """`allow`: with at least one such window, nothing lands outside of all of them. `freeze`: nothing lands inside."""
    starts: str | None = None
    """Local date and time of the first occurrence, like `2026-01-05T09:00`. Not with `calendar`."""
    duration: Duration | None = None
    """How long each occurrence lasts. Not with `calendar`."""
    repeats: str | None = None
    """Recurrence rule of RFC 5545, like `FREQ=WEEKLY;BYDAY=MO,TU,WE,TH`. Absent: once."""
    time_zone: str = "UTC"
    """IANA name of the time zone that `starts` is in, and that days of the calendar are in."""
    calendar: str | None = None
    """Path of an iCalendar file in the repository; each of its events is an occurrence."""
    message: str = ""
    """What a person reads while the window holds a promotion."""


class HttpGateSpec(Spec):
    """Ask a web service, and judge its answer."""

    url: str
    """Address; its host has to be in `allowedHosts`. `{app}`, `{version}`, `{revision}`, `{source}` and `{environment}`
    are replaced."""
    timeout: Duration = "10s"
    """How long the whole answer may take."""
    status: int = Field(default=200, ge=100, le=599, strict=True)
    """Status that the answer has to have."""
    expect: str | None = None
    """CEL expression over `body` (the JSON of the answer) that has to be true. Absent: the status is enough."""
    token_from: str | None = None
    """Name of an environment variable that holds a bearer token."""


class JobGateSpec(Spec):
    """Run a Job in the source environment, and wait for it to succeed."""

    image: str
    """Image of the Job's container."""
    command: tuple[str, ...] = ()
    """Its command; absent: the image's own."""
    args: tuple[str, ...] = ()
    """Arguments of the command. `{app}`, `{version}`, `{revision}`, `{source}` and `{environment}` are replaced."""
    namespace: str | None = None
    """Namespace that it runs in; absent: that of the app."""
    timeout: Duration = "5m"
    """How long it may take."""


class MetricGateSpec(Spec):
    """Ask Prometheus, and compare every sample of a time with a threshold."""

    url: str
    """Address of the Prometheus server. Its host has to be in `allowedHosts`."""
    query: str
    """PromQL. `{app}`, `{version}`, `{source}` and `{environment}` are replaced; `{{` and `}}` stand for braces."""
    operator: Literal["<", "<=", ">", ">=", "==", "!="]
    """How each sample has to compare with the threshold."""
    threshold: float
    """The threshold."""
    over: Duration = "5m"
    """The time up to now, every sample of which has to fulfil the comparison."""
    timeout: Duration = "10s"
    """How long the whole answer may take."""
    token_from: str | None = None
    """Name of an environment variable that holds a bearer token."""


class GateSpec(Spec):
    """A gate of one's own. Exactly one of `http`, `job`, `metric` and `cel` says what it asks."""

    name: GateName
    """Name of the gate, unique in its environment."""
    description: str = ""
    """What it is for; shown where the gate holds something."""
    holds: Literal["open", "merge"] = "open"
    """What it holds: the opening of the pull request, or its merge."""
    http: HttpGateSpec | None = None
    """Ask a web service."""
    job: JobGateSpec | None = None
    """Run a Job in the source environment."""
    metric: MetricGateSpec | None = None
    """Ask Prometheus."""
    cel: str | None = None
    """CEL expression over the promotion (see the guide on policies) that has to be true."""

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        given = [k for k in ("http", "job", "metric", "cel") if getattr(self, k) is not None]
        if len(given) != 1:
            said = "none of them" if not given else " and ".join(f"`{k}`" for k in given)
            raise ValueError(
                f"the gate `{self.name}` needs exactly one of `http`, `job`, `metric` and `cel`; it has {said}"
            )
        return self


class OverrideSpec(Spec):
    """Who may promote past a gate that does not pass. Each use is recorded in trailers, pull request and ledger."""

    roles: tuple[RoleName, ...] = ()
    """Roles of `fleet.yaml` whose members may. Empty: nobody."""
    gates: tuple[str, ...] = ()
    """Names of gates that may be overridden, like `soak` or `smoke`. Empty: all but `secrets` and `rejected`."""


class PolicySpec(Spec):
    """What it takes to change an environment. Read from the protected branch only, never from a pull request."""

    approvals: int = Field(default=0, ge=0, le=20, strict=True)
    """Approvals that a pull request needs before it may merge; the author's own does not count."""
    approval_roles: dict[RoleName, Annotated[int, Field(ge=1, le=20, strict=True)]] = Field(default_factory=dict)
    """Approvals that have to come from members of a role of `fleet.yaml`, by role; they count for `approvals` too."""
    codeowners: bool = False
    """Whether an owner of each changed file, as `CODEOWNERS` on the protected branch says, has to approve."""
    checks: tuple[str, ...] = ()
    """Names of the forge's checks (commit statuses) that have to be green before the merge."""
    releases: Literal["pull-request", "direct"] = "pull-request"
    """How `fleet release` writes here: by pull request, or as a commit on the branch (for CI)."""
    merge_method: Literal["merge", "fast-forward"] = "merge"
    """How promotions are merged: always a merge commit, or a fast-forward where that is possible."""
    merge: Literal["manual", "auto"] = "manual"
    """`auto`: `fleet promotions advance` promotes into this environment, and merges when every gate has passed."""
    queue: Literal["latest", "fifo", "train"] = "latest"
    """Which release comes next: the newest; one after the other; or all apps of the source together, as one change."""
    soak: Duration | None = None
    """Least continuous healthy time here before a release may leave for the next environment."""
    interrupt_soak: bool = False
    """Whether a newer release may take the place of one that soaks here."""
    windows: tuple[WindowSpec, ...] = ()
    """When promotions into this environment may land."""
    gates: tuple[GateSpec, ...] = ()
    """Further gates of promotions into this environment."""
    overrides: OverrideSpec = OverrideSpec()
    """Who may promote past a gate."""
