"""How many approvals a pull request needs, and whether it has them.

The policy is that of the base branch: a pull request that loosens it is judged by what it wants to loosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fleet.engine.codeowners import is_owner
from fleet.engine.people import is_member, same_person
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult, Verdict
from fleet.model.pull_request import CheckState, PullRequest

_SHOWN = 3
_VERDICTS = {
    CheckState.SUCCESS: Verdict.PASSED,
    CheckState.PENDING: Verdict.PENDING,
    CheckState.FAILURE: Verdict.FAILED,
}


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
    roles: tuple[tuple[str, int], ...] = ()
    """Roles whose members have to approve, and how many of each: the largest number that any environment asks for."""
    codeowners: bool = False
    """Whether an owner of each file has to approve."""
    checks: tuple[str, ...] = ()
    """Checks that have to be green."""


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
    roles: dict[str, int] = {}
    for policy in policies.values():
        for role, number in policy.approval_roles.items():
            roles[role] = max(number, roles.get(role, 0))
    return Requirement(
        environments,
        approvals,
        asked_by,
        "fast-forward" if fast_forward else "merge",
        tuple(sorted(roles.items())),
        any(policy.codeowners for policy in policies.values()),
        tuple(dict.fromkeys(name for policy in policies.values() for name in policy.checks)),
    )


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


def role_gates(
    pull_request: PullRequest, needed: Requirement, members: Mapping[str, Sequence[str]]
) -> Iterator[GateResult]:
    """Yield a gate for each role whose members have to approve.

    Args:
        pull_request: with its approvals; the author's own never counts.
        needed: what the policies ask for.
        members: who has which role.
    """
    for role, number in needed.roles:
        have = [who for who in pull_request.approvers if is_member(who, members.get(role, ()))]
        count = f"{len(have)} of {number} by `{role}`" + (f": {', '.join(have)}" if have else "")
        if len(have) >= number:
            yield GateResult(name=f"role({role})", verdict=Verdict.PASSED, reason=count, holds="merge")
            continue
        others = [who for who in members.get(role, ()) if not same_person(who, pull_request.author)]
        yield GateResult(
            name=f"role({role})",
            verdict=Verdict.PENDING,
            reason=count if others else f"{count}; nobody but the author has this role",
            holds="merge",
            clears=", ".join(others) or None,
            hint=f"fleet pr approve {pull_request.number}",
        )


def owners_gate(
    pull_request: PullRequest, owned: Mapping[tuple[str, ...], Sequence[str]], members: Mapping[str, Sequence[str]]
) -> GateResult:
    """Return whether an owner of each changed file approved.

    Args:
        pull_request: with its approvals; the author's own never counts.
        owned: owners, with the changed files of each.
        members: who has which role.
    """
    missing = {
        owners: paths
        for owners, paths in owned.items()
        if not any(is_owner(who, owners, members) for who in pull_request.approvers)
    }
    if not missing:
        reason = "an owner of every file approved" if owned else "nobody owns these files"
        return GateResult(name="owners", verdict=Verdict.PASSED, reason=reason, holds="merge")
    parts = [f"{paths[0]}{_more(paths)} needs one of {', '.join(owners)}" for owners, paths in missing.items()]
    return GateResult(
        name="owners",
        verdict=Verdict.PENDING,
        reason="; ".join(parts[:_SHOWN]) + (f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""),
        holds="merge",
        clears=", ".join(dict.fromkeys(owner for owners in missing for owner in owners)),
        hint=f"fleet pr approve {pull_request.number}",
    )


def check_gates(pull_request: PullRequest, needed: Requirement) -> Iterator[GateResult]:
    """Yield a gate for each check of the forge that has to be green; one that has not reported is pending."""
    for name in needed.checks:
        found = pull_request.check(name)
        verdict = Verdict.PENDING if found is None else _VERDICTS[found.state]
        reason = f"nothing reported of {pull_request.head[:7]} yet" if found is None else f"{found.state.value}"
        if found is not None and found.url:
            reason += f" ({found.url})"
        yield GateResult(
            name=f"check({name})",
            verdict=verdict,
            reason=reason,
            holds="merge",
            since=found.time if found else None,
            clears=None if verdict is Verdict.PASSED else "the check",
        )


def _more(paths: Sequence[str]) -> str:
    return f" and {len(paths) - 1} more" if len(paths) > 1 else ""
