"""Definitions of custom resources: when objects of their kind can follow."""

from __future__ import annotations

import time

from fleet.adapters.pulumi.provider.session import Session
from fleet.model.objects import ObjectRef

_SECONDS = 15.0
"""How long a server may take to serve a definition."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


def is_definition(ref: ObjectRef) -> bool:
    """Say whether an object is a definition."""
    return (ref.group, ref.kind) == ("apiextensions.k8s.io", "CustomResourceDefinition")


def why_not_served(session: Session, ref: ObjectRef) -> str | None:
    """Wait a little until a definition is served; return the reason where it is not, or None.

    Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/ (conditions
    `NamesAccepted` and `Established`).
    """
    reason = "it is not established yet"
    end = min(session.deadline, time.monotonic() + _SECONDS)
    pause = _FIRST_PAUSE
    while time.monotonic() < end:
        live = session.cluster.get(ref) or {}
        for condition in (live.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "Established" and condition.get("status") == "True":
                session.remember(ref, live)
                return None
            if condition.get("status") == "False":
                reason = str(condition.get("message") or condition.get("reason") or reason)
                if condition.get("type") == "NamesAccepted":
                    return reason
        session.pause(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return reason
