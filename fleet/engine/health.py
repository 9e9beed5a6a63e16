"""Whether live objects have become what was asked for.

The rules are those of kstatus
(https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go and ``generic.go`` beside it).
Where a release must be judged, kstatus is too kind; there we differ, as Flux and Argo CD do:

* a Job counts only when it is complete, a Pod that ended badly has failed,
* a Service of type LoadBalancer needs an address,
* a workload whose controller has never looked at it is not healthy.

An object with the annotation ``pulumi.com/skipAwait: "true"`` is healthy as soon as it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fleet.engine.healthy_since import healthy_since
from fleet.engine.objects import digest_of_live, removes_itself
from fleet.engine.reading import condition, conditions, mapping, mappings, number
from fleet.model.health import SEVERITY, HealthStatus, ObjectHealth, TargetHealth
from fleet.model.objects import Manifest, ObjectRef

SKIP_AWAIT = "pulumi.com/skipAwait"

_Verdict = tuple[HealthStatus, str]
_Rule = Callable[[Manifest], _Verdict]

_HEALTHY: _Verdict = (HealthStatus.HEALTHY, "")
_TEXT_LIMIT = 120


def object_health(live: Manifest | None, ref: ObjectRef) -> ObjectHealth:
    """Return the health of one object; ``None`` means that the cluster does not have it."""
    if live is None:
        return ObjectHealth(ref=ref, status=HealthStatus.MISSING, reason="is not there")
    status, reason = _verdict(live, ref)
    return ObjectHealth(ref=ref, status=status, reason=reason)


def target_health(
    desired: Sequence[Manifest],
    live: Mapping[tuple[str, str, str, str], Manifest],
    *,
    applied: bool | None = None,
) -> TargetHealth:
    """Return the health of a target, and whether what is live is exactly the desired release.

    A Job with `ttlSecondsAfterFinished` that is not there is done, if the release was applied.

    Args:
        desired: the objects of the release, with their digest annotation.
        live: what the cluster has, by :attr:`ObjectRef.identity`; objects that are not desired do not matter.
        applied: whether the release is recorded as applied. None: there is no record; then the objects that stay tell,
            if all of them are of this release.
    """
    objects: list[ObjectHealth] = []
    other: ObjectRef | None = None
    if applied is None:
        applied = _staying_are_exact(desired, live)
    for manifest in desired:
        ref = ObjectRef.of(manifest)
        found = live.get(ref.identity)
        if found is None and applied and removes_itself(manifest):
            objects.append(ObjectHealth(ref=ref, status=HealthStatus.HEALTHY, reason="is done, and was removed"))
            continue
        objects.append(object_health(found, ref))
        digest = digest_of_live(manifest)
        if other is None and (found is None or digest is None or digest_of_live(found) != digest):
            other = ref
    worst = max(objects, key=lambda item: SEVERITY[item.status], default=None)  # the first of the worst
    if worst is None:
        return TargetHealth(status=HealthStatus.HEALTHY, exact=True)
    reason = f"`{worst.ref}` {worst.reason}" if worst.status is not HealthStatus.HEALTHY else ""
    if not reason and other is not None:
        reason = f"`{other}` is not of this release"
    exact = other is None
    since = _since(desired, live) if exact and worst.status is HealthStatus.HEALTHY else None
    return TargetHealth(status=worst.status, exact=exact, reason=reason, objects=tuple(objects), since=since)


def _since(desired: Sequence[Manifest], live: Mapping[tuple[str, str, str, str], Manifest]) -> datetime | None:
    """Return since when every object that is there is healthy as it is; None if one does not tell."""
    refs = [ObjectRef.of(manifest) for manifest in desired]
    times = [healthy_since(live[r.identity], r, awaited=_awaited(live[r.identity])) for r in refs if r.identity in live]
    known = [time for time in times if time is not None]
    return max(known, default=None) if len(known) == len(times) else None


def _awaited(live: Manifest) -> bool:
    """Say whether the health of an object matters beyond its being there."""
    return str(mapping(mapping(live, "metadata"), "annotations").get(SKIP_AWAIT)).lower() != "true"


def _staying_are_exact(desired: Sequence[Manifest], live: Mapping[tuple[str, str, str, str], Manifest]) -> bool:
    """Say whether every object that does not remove itself is there as the release has it, and there is one."""
    staying = [manifest for manifest in desired if not removes_itself(manifest)]
    if not staying or len(staying) == len(desired):
        return False
    return all(
        (found := live.get(ObjectRef.of(manifest).identity)) is not None
        and digest_of_live(found) == digest_of_live(manifest) is not None
        for manifest in staying
    )


def _verdict(live: Manifest, ref: ObjectRef) -> _Verdict:
    metadata = mapping(live, "metadata")
    if metadata.get("deletionTimestamp"):
        return HealthStatus.PROGRESSING, "is being deleted"
    if not _awaited(live):
        return _HEALTHY
    generation, observed = metadata.get("generation"), mapping(live, "status").get("observedGeneration")
    rule = _RULES.get((ref.group, ref.kind))
    if isinstance(generation, int):
        if isinstance(observed, int) and observed != generation:
            return HealthStatus.PROGRESSING, "has a change that its controller has not seen yet"
        if observed is None and (ref.group, ref.kind) in _ALWAYS_OBSERVED:
            return HealthStatus.PROGRESSING, "has not been seen by its controller yet"
    return _standard_conditions(live) or (rule or _custom)(live)


def _standard_conditions(live: Manifest) -> _Verdict | None:
    """Judge by the two conditions that kstatus defines for every kind; None if neither is there."""
    for found in conditions(live):
        if found.get("status") == "True":
            if found.get("type") == "Stalled":
                return HealthStatus.FAILED, _told("is stalled", found)
            if found.get("type") == "Reconciling":
                return HealthStatus.PROGRESSING, _told("is being reconciled", found)
    return None


def _custom(live: Manifest) -> _Verdict:
    """Judge a kind without rules of its own: by its `Ready` condition, if it has one."""
    ready = condition(live, "Ready")
    if ready is None:
        return _HEALTHY
    seen, generation = ready.get("observedGeneration"), mapping(live, "metadata").get("generation")
    if isinstance(seen, int) and isinstance(generation, int) and seen < generation:
        return HealthStatus.PROGRESSING, "has a change that its controller has not seen yet"
    if ready.get("status") == "True":
        return _HEALTHY
    return HealthStatus.PROGRESSING, _told("is not ready", ready)


def _always(live: Manifest) -> _Verdict:
    del live
    return _HEALTHY


def _deployment(live: Manifest) -> _Verdict:
    spec, status = mapping(live, "spec"), mapping(live, "status")
    progressing = condition(live, "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return HealthStatus.FAILED, "did not progress before its deadline" + _why_no_pods(live)
    wanted = number(spec, "replicas", 1)
    total, updated = number(status, "replicas"), number(status, "updatedReplicas")
    available, ready = number(status, "availableReplicas"), number(status, "readyReplicas")
    if updated < wanted:
        paused = " (it is paused)" if spec.get("paused") is True else _why_no_pods(live)
        return HealthStatus.PROGRESSING, f"has {updated} of {wanted} replicas updated{paused}"
    if total > wanted:
        return HealthStatus.PROGRESSING, f"still ends {_replicas(total - wanted)} too many"
    if available < updated or ready < wanted:
        return HealthStatus.PROGRESSING, f"has {min(available, ready)} of {wanted} replicas ready"
    deadline = spec.get("progressDeadlineSeconds")
    watched = isinstance(deadline, int) and deadline != 2**31 - 1
    if watched and not (progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"):
        return HealthStatus.PROGRESSING, "waits for its new replicas"
    if (condition(live, "Available") or {}).get("status") != "True":
        return HealthStatus.PROGRESSING, "is not available yet"
    return _HEALTHY


def _why_no_pods(live: Manifest) -> str:
    failure = condition(live, "ReplicaFailure")
    if failure is None or failure.get("status") != "True":
        return ""
    return f": {_short(failure.get('message') or failure.get('reason'))}"


def _stateful_set(live: Manifest) -> _Verdict:
    spec, status = mapping(live, "spec"), mapping(live, "status")
    strategy = mapping(spec, "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return _HEALTHY  # people decide when its pods are replaced
    wanted = number(spec, "replicas", 1)
    total, ready = number(status, "replicas"), number(status, "readyReplicas")
    updated = number(status, "updatedReplicas")
    if ready < wanted:
        return HealthStatus.PROGRESSING, f"has {ready} of {wanted} replicas ready"
    if total > wanted:
        return HealthStatus.PROGRESSING, f"still ends {_replicas(total - wanted)} too many"
    partition = mapping(strategy, "rollingUpdate").get("partition")
    if isinstance(partition, int) and partition > 0:
        meant = max(wanted - partition, 0)
        if updated < meant:
            return HealthStatus.PROGRESSING, f"has {updated} of {meant} replicas updated"
        return _HEALTHY
    if status.get("currentRevision") != status.get("updateRevision"):
        some = f"has {updated} of {wanted} replicas updated"
        return HealthStatus.PROGRESSING, some if updated < wanted else "is about to finish its update"
    if number(status, "currentReplicas") < wanted:
        return HealthStatus.PROGRESSING, f"has {number(status, 'currentReplicas')} of {wanted} replicas updated"
    return _HEALTHY


def _daemon_set(live: Manifest) -> _Verdict:
    status = mapping(live, "status")
    wanted = status.get("desiredNumberScheduled")
    if not isinstance(wanted, int):
        return HealthStatus.PROGRESSING, "has not been seen by its controller yet"
    if mapping(mapping(live, "spec"), "updateStrategy").get("type") != "OnDelete":
        updated = number(status, "updatedNumberScheduled")
        if updated < wanted:
            return HealthStatus.PROGRESSING, f"has {updated} of {wanted} pods updated"
    ready = min(number(status, name) for name in ("currentNumberScheduled", "numberAvailable", "numberReady"))
    if ready < wanted:
        return HealthStatus.PROGRESSING, f"has {ready} of {wanted} pods ready"
    return _HEALTHY


def _replica_set(live: Manifest) -> _Verdict:
    status = mapping(live, "status")
    wanted = number(mapping(live, "spec"), "replicas", 1)
    ready = min(number(status, name) for name in ("fullyLabeledReplicas", "availableReplicas", "readyReplicas"))
    if ready < wanted:
        return HealthStatus.PROGRESSING, f"has {ready} of {wanted} replicas ready{_why_no_pods(live)}"
    if number(status, "replicas") > wanted:
        return HealthStatus.PROGRESSING, f"still ends {_replicas(number(status, 'replicas') - wanted)} too many"
    return _HEALTHY


def _job(live: Manifest) -> _Verdict:
    for found in conditions(live):
        if found.get("status") != "True":
            continue
        match found.get("type"):
            case "Complete" | "Suspended":
                return _HEALTHY
            case "Failed" | "FailureTarget":
                return HealthStatus.FAILED, _told("has failed", found)
    spec, status = mapping(live, "spec"), mapping(live, "status")
    if not status.get("startTime"):
        return HealthStatus.PROGRESSING, "has not started yet"
    wanted = number(spec, "completions", number(spec, "parallelism", 1))
    return HealthStatus.PROGRESSING, f"has {number(status, 'succeeded')} of {wanted} completions"


def _pod(live: Manifest) -> _Verdict:
    status = mapping(live, "status")
    phase = status.get("phase")
    if phase == "Succeeded":
        return _HEALTHY
    if phase == "Failed":
        return HealthStatus.FAILED, _told("has failed", status)
    if phase == "Running" and (condition(live, "Ready") or {}).get("status") == "True":
        return _HEALTHY
    looping = [
        str(container.get("name"))
        for container in (*mappings(status, "initContainerStatuses"), *mappings(status, "containerStatuses"))
        if mapping(mapping(container, "state"), "waiting").get("reason") == "CrashLoopBackOff"
    ]
    if looping:
        return HealthStatus.FAILED, f"has a container that crashes again and again: {', '.join(looping)}"
    scheduled = condition(live, "PodScheduled") or {}
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return HealthStatus.PROGRESSING, f"cannot be scheduled: {_short(scheduled.get('message'))}"
    return HealthStatus.PROGRESSING, "is not ready" if phase == "Running" else "has not started yet"


def _claim(live: Manifest) -> _Verdict:
    phase = mapping(live, "status").get("phase")
    if phase == "Bound":
        return _HEALTHY
    if phase == "Lost":
        return HealthStatus.FAILED, "has lost its volume"
    return HealthStatus.PROGRESSING, "is not bound to a volume yet"


def _volume(live: Manifest) -> _Verdict:
    status = mapping(live, "status")
    phase = status.get("phase")
    if phase in ("Available", "Bound", "Released"):
        return _HEALTHY
    if phase == "Failed":
        return HealthStatus.FAILED, _told("has failed", status)
    return HealthStatus.PROGRESSING, "is not available yet"


def _service(live: Manifest) -> _Verdict:
    if mapping(live, "spec").get("type") != "LoadBalancer":
        return _HEALTHY
    if mappings(mapping(mapping(live, "status"), "loadBalancer"), "ingress"):
        return _HEALTHY
    return HealthStatus.PROGRESSING, "has no load balancer address yet"


def _namespace(live: Manifest) -> _Verdict:
    phase = mapping(live, "status").get("phase")
    if phase == "Active":
        return _HEALTHY
    return HealthStatus.PROGRESSING, "is being deleted" if phase == "Terminating" else "is not active yet"


def _definition(live: Manifest) -> _Verdict:
    names = condition(live, "NamesAccepted")
    if names is not None and names.get("status") == "False":
        return HealthStatus.FAILED, _told("has names that were not accepted", names)
    established = condition(live, "Established")
    if established is not None and established.get("status") == "True":
        return _HEALTHY
    if established is not None and established.get("status") == "False" and established.get("reason") != "Installing":
        return HealthStatus.FAILED, _told("could not be established", established)
    return HealthStatus.PROGRESSING, "is not established yet"


def _autoscaler(live: Manifest) -> _Verdict:
    """Judge a HorizontalPodAutoscaler.

    One that cannot read its metrics leaves the workload as it is; that is no failure of the release.
    """
    able = condition(live, "AbleToScale")
    if able is not None and able.get("status") == "False" and str(able.get("reason")).startswith("FailedGetScale"):
        return HealthStatus.FAILED, _told("cannot scale its target", able)
    return _HEALTHY


def _api_service(live: Manifest) -> _Verdict:
    available = condition(live, "Available")
    if available is not None and available.get("status") == "True":
        return _HEALTHY
    return HealthStatus.PROGRESSING, _told("is not available", available or {})


_RULES: Mapping[tuple[str, str], _Rule] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replica_set,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): _always,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _always,
    ("policy", "PodDisruptionBudget"): _always,  # its generation has been observed, which is all there is to see
}

_ALWAYS_OBSERVED = frozenset(
    {
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("policy", "PodDisruptionBudget"),
    }
)
"""Kinds whose controller always writes `status.observedGeneration`: without it, no controller has looked."""


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def _told(what: str, source: Mapping[str, Any]) -> str:
    """Return a clause with what a controller says about it."""
    text = _short(source.get("message") or source.get("reason"))
    return f"{what}: {text}" if text else what


def _short(text: Any) -> str:
    line = " ".join(str(text or "").split()).rstrip(".")
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"
