"""What a scenario of a policy test lets the gates see: health, versions, restrictions, answers of outside systems."""

from __future__ import annotations

from datetime import datetime, timedelta

from fleet.engine.gates.case import Case
from fleet.model.gate import Verdict
from fleet.model.health import HealthStatus
from fleet.model.moments import resolve
from fleet.model.names import Target
from fleet.model.observation import Observations, ProbeAnswer, TargetObservation
from fleet.model.policy_test import GivenSpec, HealthGiven, ProbeGiven, RejectionGiven
from fleet.model.release import Release
from fleet.model.restriction import Hold, Lock, Rejection, Restrictions

LONG = timedelta(days=30)
"""How long everything is healthy by then that is `all-healthy`."""
_ASSUMED = ProbeGiven(reason="assumed by `observed: all-healthy`")


def observations(given: GivenSpec, case: Case) -> Observations:
    """Return what is observed of a case. What the scenario does not say is not known, unless all is to be well."""
    return Observations(
        at=case.now,
        targets=_targets(given, case),
        versions=given.versions,
        restrictions=_restrictions(given, case),
        unread="the scenario does not tell",
        probes=_answers(given, case),
    )


def _targets(given: GivenSpec, case: Case) -> tuple[TargetObservation, ...]:
    places = [(case.source, case.after), (case.environment, case.before)]
    found = []
    for environment, release in places:
        for target in case.targets(environment) if environment is not None and release is not None else ():
            told = given.health.get(target.cluster)
            if told is None and given.observed == "all-healthy":
                told = HealthGiven()
            if told is not None and release is not None:
                found.append(_seen(target, release, told, given))
    return tuple(found)


def _seen(target: Target, release: Release, told: HealthGiven, given: GivenSpec) -> TargetObservation:
    start = resolve(given.at)
    since = told.since or (given.since if told.exact and told.status is HealthStatus.HEALTHY else None)
    time = resolve(since, start) if since is not None else _assumed(told, given, start)
    return TargetObservation(
        target=target, release=release, status=told.status, exact=told.exact, reason=told.reason, since=time
    )


def _assumed(told: HealthGiven, given: GivenSpec, start: datetime) -> datetime | None:
    well = told.exact and told.status is HealthStatus.HEALTHY and given.observed == "all-healthy"
    return start - LONG if well else None


def _answers(given: GivenSpec, case: Case) -> tuple[ProbeAnswer, ...]:
    answers = []
    for gate in case.policy.gates:
        told = given.probes.get(gate.name)
        if told is None and given.observed == "all-healthy":
            told = _ASSUMED
        if told is not None and gate.cel is None:
            pending = told.verdict is Verdict.PENDING
            passed = None if pending else told.verdict is Verdict.PASSED
            answers.append(
                ProbeAnswer(
                    gate=gate.name,
                    app=case.app,
                    environment=case.environment,
                    passed=passed,
                    reason=told.reason,
                    pending=pending,
                )
            )
    return tuple(answers)


def _restrictions(given: GivenSpec, case: Case) -> Restrictions | None:
    said = (given.locks, given.holds, given.rejections)
    if given.observed == "nothing" and all(part is None for part in said):
        return None
    start = resolve(given.at)
    locks = [
        Lock(
            **lock.model_dump(exclude={"created", "expires"}),
            created=resolve(lock.created, start),
            expires=resolve(lock.expires, start) if lock.expires is not None else None,
        )
        for lock in given.locks or ()
    ]
    holds = [
        Hold(
            app=hold.app or given.app,
            environment=hold.environment or given.to,
            owner=hold.owner,
            reason=hold.reason,
            created=resolve(hold.created, start),
        )
        for hold in given.holds or ()
    ]
    rejections = [_rejection(told, case, start) for told in given.rejections or ()]
    return Restrictions(locks=tuple(locks), holds=tuple(holds), rejections=tuple(rejections))


def _rejection(told: RejectionGiven, case: Case, start: datetime) -> Rejection:
    version = told.version or case.after.version
    revision = told.revision or _revision_of(version, case)
    return Rejection(
        app=case.app,
        version=version,
        revision=revision,
        owner=told.owner,
        reason=told.reason,
        created=resolve(told.created, start),
    )


def _revision_of(version: str, case: Case) -> str:
    known = [case.after, *([case.before] if case.before is not None else [])]
    known += [entry.after for entry in case.history if entry.after is not None]
    return next((release.revision for release in known if release.version == version), case.after.revision)
