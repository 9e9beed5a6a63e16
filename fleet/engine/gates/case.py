"""A promotion that is to be judged: everything that a gate may look at. No clock, disk or network behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fleet.model.declared import AppSpec
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult, Override
from fleet.model.names import Target
from fleet.model.objects import Manifest
from fleet.model.observation import Observations, ProbeAnswer, TargetObservation
from fleet.model.policy import PolicySpec
from fleet.model.promotion import HistoryEntry, PromotionKind, ValueMove
from fleet.model.release import Release

OPEN, MERGE = "open", "merge"
"""What a gate can hold: the opening of the pull request, or its merge."""


@dataclass(frozen=True)
class Case:
    """One app on its way into one environment.

    A gate is a function ``judge(case) -> Iterator[GateResult]`` in a module of its own beside this one, named in
    :data:`fleet.engine.gates.registry.GATES`. It yields nothing where it has nothing to say, and a pending verdict with
    the reason where something that it needs is not known: a promotion fails closed.
    """

    fleet: Fleet
    """The fleet at the commit that the promotion starts from. Its policies decide."""
    kind: PromotionKind
    app: str
    environment: str
    """Where the release goes."""
    after: Release
    observed: Observations
    now: datetime
    before: Release | None = None
    source: str | None = None
    """Where it comes from; none for a release and a rollback."""
    history: Sequence[HistoryEntry] = ()
    """Changes of pins of this app in every environment, newest first, as git has them."""
    objects: Mapping[Target, Sequence[Manifest]] = field(default_factory=dict)
    """What each target of the environment would be."""
    specs: Mapping[tuple[str, str], AppSpec] = field(default_factory=dict)
    """`app.yaml` of each (environment, app) at its pinned revision, in the environment and in its source; that of
    ``after`` at (environment, app). Empty where no app of the fleet declares anything that has to fit."""
    specs_before: AppSpec | None = None
    """`app.yaml` at the revision of ``before``."""
    specs_past: Mapping[str, AppSpec] = field(default_factory=dict)
    """`app.yaml` of the app by revision, of releases that the environment had; only where schemas are declared."""
    unread: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Why the `app.yaml` of an (environment, app) cannot be read, so that nobody knows what it declares."""
    overrides: Sequence[Override] = ()
    """What a person asked to promote past, with the reason."""
    source_release: Release | None = None
    """The release as the source has it, where ``after`` differs from it in values."""
    values: Sequence[ValueMove] = ()
    """What becomes of the values that differ between source and environment."""
    together: bool = False
    """Whether the app moves with all others that may, as one pull request."""
    undoes: str = ""
    """The hotfix that is there now and that ``after`` does not contain, for people; empty if there is none."""
    so_far: Sequence[GateResult] = ()
    """What the gates before this one said."""
    direct: bool = False
    """Whether it will be a commit on the protected branch, without a pull request."""

    @property
    def policy(self) -> PolicySpec:
        """Policy of the environment where the release goes."""
        return self.fleet.environments[self.environment].spec.policy

    @property
    def proven(self) -> Release:
        """The release that has to prove itself in the source: exactly what runs there, with the values from there."""
        return self.source_release or self.after

    @property
    def source_policy(self) -> PolicySpec | None:
        """Policy of the environment that it comes from."""
        return self.fleet.environments[self.source].spec.policy if self.source else None

    def targets(self, environment: str) -> tuple[Target, ...]:
        """Return this app on every cluster of an environment, in the order of waves."""
        waves = self.fleet.environments[environment].waves
        return tuple(Target(self.app, environment, cluster) for wave in waves for cluster in wave.clusters)

    def observed_at(self, target: Target, release: Release) -> TargetObservation | None:
        """Return what was seen of a target at a release; None if nobody looked."""
        for seen in self.observed.targets:
            if seen.target == target and seen.release == release:
                return seen
        return None

    def healthy_since(self, environment: str) -> datetime | None:
        """Return since when the release is healthy on all clusters of an environment; None if that is not known."""
        times = []
        for target in self.targets(environment):
            seen = self.observed_at(target, self.proven)
            if seen is None or seen.since is None:
                return None
            times.append(seen.since)
        return max(times, default=None)

    def answer(self, gate: str) -> ProbeAnswer | None:
        """Return what the outside system said about this promotion that a gate of one's own asks."""
        key = (gate, self.app, self.environment)
        return next((a for a in self.observed.probes if (a.gate, a.app, a.environment) == key), None)
