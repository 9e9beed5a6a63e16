"""How many approvals a pull request needs, and whether it has them.

The policy is that of the base branch: a pull request that loosens it is judged by what it wants to loosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult, Verdict
from fleet.model.pull_request import PullRequest


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the policies of the environments ask of a pull request."""

    environments: tuple[str, ...]
    """Environments that the pull request can change, in pipeline order."""
    approvals: int
    """The largest number that any of them asks for."""
    asked_by: tuple[str, ...]
    """The environments that ask for that many; empty if none is needed."""
    merge_method: Literal["merge", "fast-forward"]
    """A merge commit, if any of them wants one."""


def touched_environments(fleet: Fleet, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the environments that a change of these paths can change, in pipeline order.

    * `environments/<env>/…`: that environment.
    * `clusters/<cluster>.yaml`: the environment of the cluster, and each that selects clusters by labels, which the
      file could make it join.
    * `fleet.yaml`: all of them.
    * `apps/…`: those that follow a branch; the others render apps at a pinned revision.

    An environment that the base branch does not have yet has no policy there, and asks for nothing.
    """
    touched: set[str] = set()
    for path in paths:
        touched.update(_touched_by(fleet, path))
    return tuple(name for name in fleet.environments if name in touched)


def _touched_by(fleet: Fleet, path: str) -> Iterable[str]:
    top, _, rest = path.partition("/")
    if path == "fleet.yaml":
        return fleet.environments
    if top == "environments":
        return (rest.partition("/")[0],)
    if top == "clusters":
        by_labels = (e.name for e in fleet.environments.values() if e.spec.clusters.by_labels)
        return (fleet.environment_of_cluster.get(rest.removesuffix(".yaml"), ""), *by_labels)
    if top == "apps":
        return (e.name for e in fleet.environments.values() if e.spec.track)
    return ()


def requirement(fleet: Fleet, paths: Iterable[str]) -> Requirement:
    """Return what the base branch's policies ask of a change of these paths."""
    environments = touched_environments(fleet, paths)
    policies = {name: fleet.environments[name].spec.policy for name in environments}
    approvals = max((p.approvals for p in policies.values()), default=0)
    asked_by = tuple(name for name, p in policies.items() if approvals and p.approvals == approvals)
    fast_forward = bool(policies) and all(p.merge_method == "fast-forward" for p in policies.values())
    return Requirement(environments, approvals, asked_by, "fast-forward" if fast_forward else "merge")


def approvals_gate(pull_request: PullRequest, needed: Requirement) -> GateResult:
    """Return whether a pull request has the approvals that it needs, and if not, how many are missing and of whom."""
    name = f"approvals({', '.join(needed.asked_by)})" if needed.asked_by else "approvals"
    have = pull_request.approvers
    if needed.approvals == 0:
        return GateResult(name=name, verdict=Verdict.PASSED, reason="none needed", holds="merge")
    count = f"{len(have)} of {needed.approvals}" + (f": {', '.join(have)}" if have else "")
    if len(have) >= needed.approvals:
        return GateResult(name=name, verdict=Verdict.PASSED, reason=count, holds="merge")
    missing = needed.approvals - len(have)
    stale = len({a.by for a in pull_request.approvals if a.head != pull_request.head})
    parts = [count, f"{missing} more needed, from anybody but the author {pull_request.author}"]
    if have:
        parts[1] += " and those who approved already"
    if stale:
        parts.append(f"{stale} of an earlier head does not count" if stale == 1 else f"{stale} of earlier heads do not")
    return GateResult(
        name=name,
        verdict=Verdict.PENDING,
        reason="; ".join(parts),
        holds="merge",
        hint=f"fleet pr approve {pull_request.number}",
    )
