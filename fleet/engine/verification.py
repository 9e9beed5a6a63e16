"""The verification Job of a gate: what it looks like, and what the one in the cluster says.

Its name is a function of the promotion and of the gate, so that whoever asks again looks at the Job that is there, and
never starts a second one. It carries labels of its own and none of fleet's ownership labels: to reconciling, pruning
and drift it is somebody else's object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import Any

from fleet.engine.objects import canonical
from fleet.engine.placeholders import fill_argument
from fleet.model.durations import seconds
from fleet.model.objects import LABEL_DOMAIN, Manifest
from fleet.model.policy import GateSpec, JobGateSpec
from fleet.model.release import Release

KEPT = 86_400
"""Seconds that a Job stays after it finished. Its answer counts as long as it is there."""
GRACE = 60.0
"""Seconds beyond its time limit after which a Job that the cluster does not end is taken as failed."""
GATE_LABEL = f"{LABEL_DOMAIN}/verifies"
"""Label of a verification Job: name of the gate."""
PROMOTION_ANNOTATION = f"{LABEL_DOMAIN}/promotion"
"""Annotation of a verification Job: what it is about, for people."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a verification is about."""

    fleet: str
    app: str
    source: str
    environment: str
    release: Release

    @property
    def values(self) -> dict[str, str]:
        """What stands for the placeholders."""
        return {
            "app": self.app,
            "version": self.release.version,
            "revision": self.release.revision,
            "source": self.source,
            "environment": self.environment,
        }


@dataclass(frozen=True, slots=True)
class Stand:
    """How a Job stands. `passed` is none as long as it runs."""

    passed: bool | None
    reason: str


def job_name(gate: GateSpec, subject: Subject) -> str:
    """Return the name of the Job: the same for the same promotion and the same gate."""
    content = [
        subject.fleet,
        subject.app,
        subject.source,
        subject.environment,
        subject.release.model_dump(mode="json", by_alias=True),
        gate.job.model_dump(mode="json", by_alias=True) if gate.job else None,
        gate.name,
    ]
    return f"fleet-gate-{gate.name[:36].rstrip('-')}-{sha256(canonical(content)).hexdigest()[:12]}"


def job_manifest(gate: GateSpec, subject: Subject, namespace: str) -> Manifest:
    """Return the Job of a gate. It runs once, gets no credentials of the cluster, and goes away by itself."""
    spec = gate.job
    assert spec is not None  # noqa: S101
    labels = {GATE_LABEL: gate.name, "app.kubernetes.io/name": "fleet-gate"}
    about = f"{subject.app} {subject.release.version} from {subject.source} to {subject.environment}"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(gate, subject),
            "namespace": namespace,
            "labels": labels,
            "annotations": {PROMOTION_ANNOTATION: about},
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(1, ceil(seconds(spec.timeout))),
            "ttlSecondsAfterFinished": KEPT,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "containers": [_container(spec, subject)],
                },
            },
        },
    }


def stand_of(live: Mapping[str, Any], spec: JobGateSpec, now: datetime) -> Stand:
    """Return how the Job in the cluster stands.

    Args:
        live: the Job as the API server has it.
        spec: the gate.
        now: the time, for a Job that the cluster does not bring to an end.
    """
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition.get("status") != "True":
            continue
        if condition.get("type") in ("Complete", "SuccessCriteriaMet"):
            return Stand(True, "the Job succeeded")
        if condition.get("type") in ("Failed", "FailureTarget"):
            if condition.get("reason") == "DeadlineExceeded":
                return Stand(False, f"the Job did not finish within {spec.timeout}")
            detail = " ".join(str(condition.get("message") or condition.get("reason") or "").split())[:160]
            return Stand(False, f"the Job failed{': ' + detail if detail else ''}")
    since = _created(live)
    if since is not None and (now - since).total_seconds() > seconds(spec.timeout) + GRACE:
        return Stand(False, f"the Job did not finish within {spec.timeout}")
    active = (live.get("status") or {}).get("active")
    return Stand(None, "the Job runs" if active else "the Job is waiting to run")


def _created(live: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(live["metadata"]["creationTimestamp"]))
    except (KeyError, ValueError):
        return None


def _container(spec: JobGateSpec, subject: Subject) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "verify", "image": spec.image}
    if spec.command:
        container["command"] = list(spec.command)
    if spec.args:
        container["args"] = [fill_argument(text, subject.values) for text in spec.args]
    return container
