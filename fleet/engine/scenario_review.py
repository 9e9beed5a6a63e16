"""What the gates say in one moment of a policy test, and whether that lets the promotion be opened and merged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fleet.engine.approvals import approvals_gate, check_gates, owners_gate, requirement, role_gates
from fleet.engine.codeowners import owners_of
from fleet.engine.gates.case import OPEN, Case
from fleet.engine.gates.overriding import refused_override
from fleet.engine.gates.registry import decide
from fleet.engine.plan_promotion import pin_path
from fleet.engine.scenarios import Moment, case_of
from fleet.model.fleet import Fleet
from fleet.model.gate import GateResult
from fleet.model.policy_test import PullRequestGiven
from fleet.model.pull_request import Approval, Check, PullRequest, PullRequestState

_HEAD = "f" * 40


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gates say."""

    gates: tuple[GateResult, ...]
    refused: tuple[str, ...] = ()
    """Why overrides are refused; then nothing happens at all."""

    @property
    def open(self) -> bool:
        """Whether the pull request may be opened, or the commit made."""
        return not self.refused and all(gate.passes for gate in self.gates if gate.holds == OPEN)

    @property
    def merge(self) -> bool:
        """Whether it may be merged."""
        return not self.refused and all(gate.passes for gate in self.gates)


def judge(moment: Moment, fleet: Fleet, codeowners: str = "") -> Judged:
    """Return what the gates say in one moment.

    Args:
        moment: what is so.
        fleet: the fleet, whose policies decide.
        codeowners: content of the `CODEOWNERS` file.
    """
    case = case_of(moment, fleet)
    gates = decide(case)
    refused = tuple(text for text in (refused_override(case, gates, o) for o in case.overrides) if text)
    told = moment.given.pull_request
    if told is not None and not case.direct:
        gates = (*(g for g in gates if g.kind != "approvals"), *_review(told, case, codeowners, moment.now))
    return Judged(gates, refused)


def _review(told: PullRequestGiven, case: Case, codeowners: str, now: datetime) -> Iterator[GateResult]:
    """Yield the gates of an open pull request that depend on people and on the forge."""
    path = pin_path(case.environment, case.app)
    needed = requirement(case.fleet, [path])
    members = case.fleet.file.roles
    request = _request(told, now)
    yield approvals_gate(request, needed)
    yield from role_gates(request, needed, members)
    if needed.codeowners:
        yield owners_gate(request, owners_of(codeowners, [path]), members)
    yield from check_gates(request, needed)


def _request(told: PullRequestGiven, now: datetime) -> PullRequest:
    return PullRequest(
        number=1,
        title="the scenario",
        body="",
        author=told.author,
        branch="scenario",
        base_branch="main",
        head=_HEAD,
        state=PullRequestState.OPEN,
        created=now,
        updated=now,
        approvals=tuple(Approval(by=who, head=_HEAD, time=now) for who in told.approvals),
        checks=tuple(Check(name=name, state=state, head=_HEAD) for name, state in told.checks.items()),
    )
