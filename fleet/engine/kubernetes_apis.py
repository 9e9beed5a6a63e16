"""Which API versions Kubernetes deprecates and removes, in which release, and what to use instead.

Sources: the life-cycle markers of Kubernetes' own types (:mod:`fleet.engine.kubernetes_lifecycle`, generated), and for
what was removed together with its types, https://kubernetes.io/docs/reference/using-api/deprecation-guide/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from fleet.engine.kubernetes_lifecycle import MARKERS

Minor = tuple[int, int]
"""A release of Kubernetes, like (1, 36)."""

_MORE = """\
auditregistration.k8s.io/v1alpha1 AuditSink 1.19 1.19 - -
autoscaling/v2beta1 HorizontalPodAutoscaler 1.23 1.25 autoscaling/v2 =
autoscaling/v2beta2 HorizontalPodAutoscaler 1.23 1.26 autoscaling/v2 =
batch/v2alpha1 CronJob 1.8 1.21 batch/v1 =
discovery.k8s.io/v1alpha1 EndpointSlice 1.17 1.21 discovery.k8s.io/v1 =
extensions/v1beta1 PodSecurityPolicy 1.11 1.16 - -
flowcontrol.apiserver.k8s.io/v1alpha1 FlowSchema 1.20 1.24 flowcontrol.apiserver.k8s.io/v1 =
flowcontrol.apiserver.k8s.io/v1alpha1 PriorityLevelConfiguration 1.20 1.24 flowcontrol.apiserver.k8s.io/v1 =
networking.k8s.io/v1alpha1 ClusterCIDR 1.31 1.31 - -
networking.k8s.io/v1alpha1 IPAddress 1.30 1.33 networking.k8s.io/v1 =
networking.k8s.io/v1alpha1 ServiceCIDR 1.30 1.33 networking.k8s.io/v1 =
policy/v1beta1 PodSecurityPolicy 1.21 1.25 - -
rbac.authorization.k8s.io/v1alpha1 ClusterRole 1.17 1.24 rbac.authorization.k8s.io/v1 =
rbac.authorization.k8s.io/v1alpha1 ClusterRoleBinding 1.17 1.24 rbac.authorization.k8s.io/v1 =
rbac.authorization.k8s.io/v1alpha1 Role 1.17 1.24 rbac.authorization.k8s.io/v1 =
rbac.authorization.k8s.io/v1alpha1 RoleBinding 1.17 1.24 rbac.authorization.k8s.io/v1 =
resource.k8s.io/v1alpha2 PodSchedulingContext 1.31 1.31 - -
resource.k8s.io/v1alpha2 ResourceClaim 1.31 1.31 resource.k8s.io/v1 =
resource.k8s.io/v1alpha2 ResourceClaimTemplate 1.31 1.31 resource.k8s.io/v1 =
resource.k8s.io/v1alpha2 ResourceClass 1.31 1.31 resource.k8s.io/v1 DeviceClass
scheduling.k8s.io/v1alpha1 PriorityClass 1.14 1.24 scheduling.k8s.io/v1 =
settings.k8s.io/v1alpha1 PodPreset 1.20 1.20 - -
v1 ComponentStatus 1.19 - - -
v1 Endpoints 1.33 - discovery.k8s.io/v1 EndpointSlice
"""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The end of an API version of a kind."""

    api_version: str
    kind: str
    deprecated: Minor
    removed: Minor | None
    """The first release that does not serve it; none is announced yet."""
    instead: str
    """`apiVersion Kind` to use instead; empty if there is nothing."""


def lifecycle(api_version: str, kind: str) -> Lifecycle | None:
    """Return how an API version of a kind ends; None if nothing is known to end it."""
    return _table().get((api_version, kind))


def minor_of(version: str) -> Minor | None:
    """Return the release of a server's version, like `v1.36.1` or `v1.27.3-gke.100`; None if it is none."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})(?!\d)", version)
    return (int(found[1]), int(found[2])) if found else None


def release_text(release: Minor) -> str:
    """Return a release of Kubernetes as people write it."""
    return f"{release[0]}.{release[1]}"


@lru_cache(maxsize=1)
def _table() -> Mapping[tuple[str, str], Lifecycle]:
    table = {}
    for line in (MARKERS + _MORE).splitlines():
        api_version, kind, deprecated, removed, new, new_kind = line.split()
        instead = "" if new == "-" else f"{new} {kind if new_kind == '=' else new_kind}"
        start = minor_of(deprecated)
        assert start is not None  # noqa: S101  # the table is ours
        table[api_version, kind] = Lifecycle(api_version, kind, start, minor_of(removed), instead)
    return table
