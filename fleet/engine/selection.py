"""Which targets a command is about: `-e`, `-c`, `-a` and `-l`.

Different flags narrow each other (and), the same flag repeated widens (or); labels must all match.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet.errors import UsageError
from fleet.model.fleet import Fleet
from fleet.model.names import Target


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person asked for. Empty fields select everything."""

    environments: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Equality requirements on cluster labels: `key=value`, `key!=value`; several in one text by commas."""

    @property
    def everything(self) -> bool:
        """Whether nothing was narrowed."""
        return not (self.environments or self.clusters or self.apps or self.labels)

    def flags(self) -> str:
        """Return the flags that select this again, with a leading space; empty for everything."""
        parts = [
            f"{flag} {value}"
            for flag, values in (
                ("-e", self.environments),
                ("-c", self.clusters),
                ("-a", self.apps),
                ("-l", self.labels),
            )
            for value in values
        ]
        return "".join(f" {part}" for part in parts)


def select(fleet: Fleet, selection: Selection, *, known: Iterable[Target] = ()) -> tuple[Target, ...]:
    """Return the declared targets that are selected, in environment, wave, cluster and app order.

    Args:
        fleet: what is declared.
        selection: what was asked for.
        known: targets that are not declared (any more) but exist; their names may be selected too.

    Raises:
        UsageError: a name is neither declared nor known, a label is malformed, or nothing matches.
    """
    undeclared = tuple(known)
    requirements = _requirements(selection.labels)
    _check("environment", selection.environments, {*fleet.environments, *(t.environment for t in undeclared)})
    _check("cluster", selection.clusters, {*fleet.clusters, *(t.cluster for t in undeclared)})
    pinned = {app for environment in fleet.environments.values() for app in environment.pins}
    _check("app", selection.apps, {*fleet.apps, *pinned, *(t.app for t in undeclared)})
    chosen = tuple(t for t in fleet.targets() if _covers(fleet, selection, requirements, t))
    if not chosen and not selection.everything and not covered(fleet, selection, undeclared):
        raise UsageError(
            f"nothing is selected by `{selection.flags().strip()}`",
            code="FLT-USE-012",
            hints=("`fleet status` lists environments and apps, `fleet status --clusters` lists clusters",),
        )
    return chosen


def covered(fleet: Fleet, selection: Selection, targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return those of some targets, declared or not, that are selected. An undeclared cluster has no labels."""
    requirements = _requirements(selection.labels)
    return tuple(t for t in targets if _covers(fleet, selection, requirements, t))


def _covers(
    fleet: Fleet, selection: Selection, requirements: tuple[tuple[str, str, bool], ...], target: Target
) -> bool:
    if selection.environments and target.environment not in selection.environments:
        return False
    if selection.clusters and target.cluster not in selection.clusters:
        return False
    if selection.apps and target.app not in selection.apps:
        return False
    if not requirements:
        return True
    cluster = fleet.clusters.get(target.cluster)
    return cluster is not None and _matches(cluster.labels, requirements)


def _matches(labels: Mapping[str, str], requirements: tuple[tuple[str, str, bool], ...]) -> bool:
    return all((labels.get(key) == value) is equal for key, value, equal in requirements)


def _requirements(texts: Iterable[str]) -> tuple[tuple[str, str, bool], ...]:
    """Parse `key=value` and `key!=value` into (key, value, whether they must be equal)."""
    found = []
    for text in texts:
        for part in text.split(","):
            key, equals, value = part.strip().partition("=")
            negated = key.endswith("!")
            key = key.removesuffix("!").strip()
            if not key or not equals or not value.strip():
                raise UsageError(
                    f"`{text}` is not a label selector",
                    code="FLT-USE-011",
                    hints=("write `-l key=value`, for example `-l region=eu`",),
                )
            found.append((key, value.strip(), not negated))
    return tuple(found)


def _check(what: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name in known:
            continue
        close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
        listing = "fleet status --clusters" if what == "cluster" else "fleet status"
        hint = f"did you mean `{close[0]}`? " if close else ""
        raise UsageError(
            f"there is no {what} `{name}`",
            code="FLT-USE-010",
            hints=(f"{hint}list them with `{listing}`",),
        )
