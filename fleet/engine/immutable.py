"""Which fields of an object can never change after it was created, as data.

Changing one of these needs a new object: delete and create. The table follows the validation of the Kubernetes API
server, which is the judge (``pkg/apis/<group>/validation`` in https://github.com/kubernetes/kubernetes), and so holds
at least what Pulumi's Kubernetes provider replaces
(https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORKLOAD = ("spec.selector",)
_STATEFUL_SET = ("spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates")
_JOB = (
    "spec.backoffLimitPerIndex",
    "spec.completionMode",
    "spec.completions",
    "spec.managedBy",
    "spec.manualSelector",
    "spec.podFailurePolicy",
    "spec.podReplacementPolicy",
    "spec.selector",
    "spec.successPolicy",
    "spec.template",
)
_VOLUME_CLAIM = (
    "spec.accessModes",
    "spec.dataSource",
    "spec.dataSourceRef",
    "spec.selector",
    "spec.storageClassName",
    "spec.volumeMode",
    "spec.volumeName",
)
_VOLUME_SOURCES = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip

TABLE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "PersistentVolume"): (*(f"spec.{source}" for source in _VOLUME_SOURCES), "spec.volumeMode"),
    ("", "PersistentVolumeClaim"): _VOLUME_CLAIM,
    ("", "ResourceQuota"): ("spec.scopeSelector", "spec.scopes"),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP", "spec.clusterIPs"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        "spec.group",
        "spec.names.kind",
        "spec.names.plural",
        "spec.scope",
    ),
    ("apps", "ControllerRevision"): ("data",),
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "ReplicaSet"): _WORKLOAD,
    ("apps", "StatefulSet"): _STATEFUL_SET,
    ("batch", "Job"): _JOB,
    ("certificates.k8s.io", "CertificateSigningRequest"): ("spec",),
    ("discovery.k8s.io", "EndpointSlice"): ("addressType",),
    ("networking.k8s.io", "IPAddress"): ("spec",),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("resource.k8s.io", "ResourceClaim"): ("spec",),
    ("resource.k8s.io", "ResourceClaimTemplate"): ("spec",),
    ("scheduling.k8s.io", "PriorityClass"): ("preemptionPolicy", "value"),
    ("storage.k8s.io", "CSIDriver"): ("spec.attachRequired", "spec.volumeLifecycleModes"),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    ("storage.k8s.io", "VolumeAttachment"): ("spec.attacher", "spec.nodeName", "spec.source"),
    ("storage.k8s.io", "VolumeAttributesClass"): ("driverName", "parameters"),
}
"""Paths that never change, by group and kind; a path stands for everything below it."""

_FROZEN_DATA = ("binaryData", "data", "immutable", "stringData")
"""Of a ConfigMap or Secret that says `immutable: true`.
Source: https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable"""

_POD_MUTABLE = frozenset({"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates"})
"""Fields of a Pod's spec that may change; of its containers only the image may.
Source: https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement"""

_KEEP_WHEN_ABSENT = frozenset({"spec.clusterIP", "spec.clusterIPs", "spec.volumeName"})
"""Fields that the server allots: a manifest that stops naming one keeps what is there."""


def immutable_fields(group: str, kind: str) -> tuple[str, ...]:
    """Return the paths of a kind that never change (``spec.selector``); empty where there are none.

    Kinds whose rule depends on the object (Pod, immutable ConfigMap and Secret) are decided by
    :func:`forces_replacement` only.
    """
    return TABLE.get((group, kind), ())


def forces_replacement(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the immutable paths that differ between two versions of an object, sorted.

    Args:
        old: what was asked for last, or the live object pruned to the fields of that; defaults that the server
            filled in must not be in it.
        new: what is asked for now, of the same kind, namespace and name.
    """
    group, _, version = str(new.get("apiVersion", "")).rpartition("/")
    kind = str(new.get("kind", ""))
    paths = immutable_fields(group if version else "", kind)
    changed = [path for path in paths if _differs(old, new, path)]
    if not group:
        if kind == "Pod" and _pod_spec(old) != _pod_spec(new):
            changed.append("spec")
        if kind in ("ConfigMap", "Secret") and old.get("immutable") is True:
            changed += [path for path in _FROZEN_DATA if old.get(path) != new.get(path)]
    return tuple(sorted(changed))


def _differs(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> bool:
    before, after = _at(old, path), _at(new, path)
    if before is None and path == "type":
        before = "Opaque"  # the default type of a Secret
    if after is None and path == "type":
        after = "Opaque"
    if path in _KEEP_WHEN_ABSENT and (before is None or after is None):
        return False
    return bool(before != after)


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def _pod_spec(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a Pod's spec that may not change."""
    spec = {k: v for k, v in (pod.get("spec") or {}).items() if k not in _POD_MUTABLE}
    for name in ("containers", "initContainers"):
        if isinstance(spec.get(name), list):
            spec[name] = [
                {k: v for k, v in container.items() if k != "image"} if isinstance(container, Mapping) else container
                for container in spec[name]
            ]
    return spec
