"""One manifest of each common kind, with a field that may change and, where there is one, a field that may not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
Change = Callable[[Manifest, Any], None]


@dataclass(frozen=True)
class Kind:
    """A kind under test. ``values`` are: as created, as changed by the fleet, as edited behind its back."""

    name: str
    manifest: Manifest
    path: tuple[str | int, ...]
    values: tuple[Any, Any, Any]
    immutable: tuple[tuple[tuple[str | int, ...], Any], ...] = ()
    """Paths and values of a change that needs a new object."""

    def build(self, namespace: str, version: int = 0, *, replaced: bool = False) -> Manifest:
        """Return the manifest for a namespace; kinds without one get its name as a suffix."""
        manifest: Manifest = _substitute(copy.deepcopy(self.manifest), namespace)
        _set(manifest, self.path, self.values[version])
        for path, value in self.immutable if replaced else ():
            _set(manifest, path, _substitute(value, namespace))
        return manifest

    def edited(self, namespace: str) -> Manifest:
        """Return what somebody else applies: the identity and the one field."""
        whole = self.build(namespace)
        part: Manifest = {"apiVersion": whole["apiVersion"], "kind": whole["kind"], "metadata": {}}
        part["metadata"] = {key: whole["metadata"][key] for key in ("name", "namespace") if key in whole["metadata"]}
        if any(isinstance(step, int) for step in self.path):  # a list: merged by keys that only the whole has
            part = whole
        _set(part, self.path, self.values[2])
        return part

    def field(self, manifest: Any) -> Any:
        """Return the field that changes."""
        for step in self.path:
            manifest = manifest[step]
        return manifest


def _set(manifest: Any, path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        manifest = manifest.setdefault(step, {}) if isinstance(manifest, dict) else manifest[step]
    manifest[path[-1]] = value


def _substitute(value: Any, namespace: str) -> Any:
    if isinstance(value, str):
        return value.replace("NS", namespace)
    if isinstance(value, dict):
        return {_substitute(key, namespace): _substitute(item, namespace) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, namespace) for item in value]
    return value


def _object(api_version: str, kind: str, name: str, *, cluster: bool = False, **fields: Any) -> Manifest:
    metadata = {"name": f"{name}-NS"} if cluster else {"name": name, "namespace": "NS"}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _pods(app: str, **extra: Any) -> Manifest:
    container = {"name": "main", "image": "registry.example/app:1", "resources": {"requests": {"memory": "1024Mi"}}}
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], **extra}}


def _workload(app: str, **extra: Any) -> Manifest:
    return {"selector": {"matchLabels": {"app": app}}, "template": _pods(app), **extra}


_IMAGE = ("spec", "template", "spec", "containers", 0, "image")
_IMAGES = ("registry.example/app:1", "registry.example/app:2", "registry.example/evil:1")
_LABEL = ("metadata", "labels", "team")
_TEAMS = ("a", "b", "c")
_RBAC = "rbac.authorization.k8s.io"
_RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
_SUBJECT = {"kind": "ServiceAccount", "name": "robot", "namespace": "NS"}
_VERBS = (["get"], ["get", "list"], ["*"])


def _other_selector(app: str) -> tuple[tuple[tuple[str | int, ...], Any], ...]:
    return (
        (("spec", "selector", "matchLabels"), {"app": f"{app}-2"}),
        (("spec", "template", "metadata", "labels"), {"app": f"{app}-2"}),
    )


_CRD_SPEC = {
    "group": "NS.example.com",
    "scope": "Namespaced",
    "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
    "versions": [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object",
                            "properties": {"size": {"type": "integer"}, "colour": {"type": "string", "default": "red"}},
                        }
                    },
                }
            },
        }
    ],
}

KINDS = (
    Kind("namespace", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "NS"}}, _LABEL, _TEAMS),
    Kind("config-map", _object("v1", "ConfigMap", "settings", data={"k": "1"}), ("data", "k"), ("1", "2", "3")),
    Kind(
        "immutable-config-map",
        _object("v1", "ConfigMap", "frozen", immutable=True, data={"k": "1"}),
        _LABEL,
        _TEAMS,
        ((("data", "k"), "2"),),
    ),
    Kind(
        "secret",
        _object("v1", "Secret", "password", type="example.com/a", stringData={"k": "hunter2-plain"}),
        ("data", "other"),
        ("aHVudGVyMi1hYWE=", "aHVudGVyMi1iYmI=", "aHVudGVyMi1jY2M="),
        ((("type",), "example.com/b"),),
    ),
    Kind(
        "service-account",
        _object("v1", "ServiceAccount", "robot"),
        ("automountServiceAccountToken",),
        (True, False, True),
    ),
    Kind(
        "service",
        _object("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}),
        ("spec", "selector", "app"),
        ("web", "web-2", "evil"),
        ((("spec", "clusterIP"), "None"),),
    ),
    Kind(
        "claim",
        _object(
            "v1",
            "PersistentVolumeClaim",
            "disk",
            spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
        ),
        _LABEL,
        _TEAMS,
        ((("spec", "accessModes"), ["ReadWriteMany"]),),
    ),
    Kind(
        "deployment",
        _object("apps/v1", "Deployment", "web", spec=_workload("web")),
        _IMAGE,
        _IMAGES,
        _other_selector("web"),
    ),
    Kind(
        "stateful-set",
        _object("apps/v1", "StatefulSet", "db", spec=_workload("db", serviceName="db", replicas=1)),
        ("spec", "replicas"),
        (1, 2, 0),
        ((("spec", "serviceName"), "other"),),
    ),
    Kind(
        "daemon-set",
        _object("apps/v1", "DaemonSet", "agent", spec=_workload("agent")),
        _IMAGE,
        _IMAGES,
        _other_selector("agent"),
    ),
    Kind(
        "job",
        _object("batch/v1", "Job", "migrate", spec={"suspend": True, "template": _pods("job", restartPolicy="Never")}),
        ("spec", "parallelism"),
        (1, 2, 3),
        ((_IMAGE, "registry.example/app:2"),),
    ),
    Kind(
        "cron-job",
        _object(
            "batch/v1",
            "CronJob",
            "nightly",
            spec={"suspend": True, "jobTemplate": {"spec": {"template": _pods("cron", restartPolicy="Never")}}},
        ),
        ("spec", "schedule"),
        ("0 1 * * *", "0 2 * * *", "0 3 * * *"),
    ),
    Kind(
        "ingress",
        _object(
            "networking.k8s.io/v1",
            "Ingress",
            "front",
            spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
        ),
        ("spec", "defaultBackend", "service", "name"),
        ("web", "web-2", "evil"),
    ),
    Kind(
        "network-policy",
        _object(
            "networking.k8s.io/v1", "NetworkPolicy", "fence", spec={"podSelector": {"matchLabels": {"app": "web"}}}
        ),
        ("spec", "podSelector", "matchLabels", "app"),
        ("web", "web-2", "evil"),
    ),
    Kind("role", _object(f"{_RBAC}/v1", "Role", "reader", rules=[_RULE]), ("rules", 0, "verbs"), _VERBS),
    Kind(
        "role-binding",
        _object(
            f"{_RBAC}/v1",
            "RoleBinding",
            "reader",
            roleRef={"apiGroup": _RBAC, "kind": "Role", "name": "reader"},
            subjects=[_SUBJECT],
        ),
        ("subjects", 0, "name"),
        ("robot", "robot-2", "evil"),
        ((("roleRef", "name"), "writer"),),
    ),
    Kind(
        "cluster-role",
        _object(f"{_RBAC}/v1", "ClusterRole", "reader", cluster=True, rules=[_RULE]),
        ("rules", 0, "verbs"),
        _VERBS,
    ),
    Kind(
        "cluster-role-binding",
        _object(
            f"{_RBAC}/v1",
            "ClusterRoleBinding",
            "reader",
            cluster=True,
            roleRef={"apiGroup": _RBAC, "kind": "ClusterRole", "name": "reader-NS"},
            subjects=[_SUBJECT],
        ),
        ("subjects", 0, "name"),
        ("robot", "robot-2", "evil"),
        ((("roleRef", "name"), "writer-NS"),),
    ),
    Kind(
        "disruption-budget",
        _object("policy/v1", "PodDisruptionBudget", "web", spec={"selector": {"matchLabels": {"app": "web"}}}),
        ("spec", "minAvailable"),
        (1, 2, 0),
    ),
    Kind(
        "autoscaler",
        _object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "web",
            spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1},
        ),
        ("spec", "maxReplicas"),
        (3, 4, 9),
    ),
    Kind(
        "definition",
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.NS.example.com"},
            "spec": _CRD_SPEC,
        },
        _LABEL,
        _TEAMS,
    ),
    Kind("custom-resource", _object("NS.example.com/v1", "Widget", "one", spec={}), ("spec", "size"), (1, 2, 3)),
)
"""Every common kind; together they form one app that a server accepts."""
