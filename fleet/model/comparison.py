"""Report of `fleet env diff`: how two environments differ, and which of it a promotion would change."""

from __future__ import annotations

from enum import StrEnum

from fleet.errors import Problem
from fleet.model.base import Report
from fleet.model.change import ChangeSet
from fleet.model.provenance import ValueOrigin
from fleet.model.release import Release


class Carried(StrEnum):
    """What a promotion from the first environment to the second would do about a difference."""

    YES = "carried"  # afterwards both are equal
    NO = "stays"  # the second environment keeps what it has: it belongs to the environment
    PARTLY = "changes"  # the second environment changes, but not to what the first one has


class ReleaseDifference(Report):
    """The releases of one app in both environments."""

    app: str
    a: Release | None = None
    b: Release | None = None
    in_a: bool = True
    """Whether the first environment runs the app at all."""
    in_b: bool = True

    @property
    def different(self) -> bool:
        """Whether the environments run something else."""
        return self.a != self.b or self.in_a != self.in_b


class ValueDifference(Report):
    """One value or image of an app that the environments have differently; None: not set."""

    app: str
    path: str
    a: ValueOrigin | None = None
    b: ValueOrigin | None = None
    carried: Carried


class ObjectsDifference(Report):
    """How the rendered objects of one app differ, on one cluster of each environment that stands for the others."""

    app: str
    cluster_a: str
    cluster_b: str
    carried: ChangeSet = ChangeSet()
    """What a promotion would change in the second environment."""
    stays: ChangeSet = ChangeSet()
    """What would still be different afterwards: from the second environment to the first."""


class EnvironmentComparison(Report):
    """How two environments differ, app by app."""

    a: str
    b: str
    revision: str | None = None
    releases: tuple[ReleaseDifference, ...] = ()
    """Every app of either environment, different or not."""
    values: tuple[ValueDifference, ...] = ()
    objects: tuple[ObjectsDifference, ...] | None = None
    """None: rendered objects were not asked for."""
    promotes: bool = False
    """Whether the second environment promotes from the first."""
    problems: tuple[Problem, ...] = ()

    @property
    def different(self) -> bool:
        """Whether anything differs."""
        objects = any(not o.carried.empty or not o.stays.empty for o in self.objects or ())
        return any(r.different for r in self.releases) or bool(self.values) or objects

    @property
    def promotable(self) -> tuple[str, ...]:
        """Apps that a promotion would change."""
        return tuple(r.app for r in self.releases if r.in_a and r.in_b and r.a is not None and r.a != r.b)
