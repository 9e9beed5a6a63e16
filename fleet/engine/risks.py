"""What applying a change does beyond changing fields: restarts, replacements, deletions, lost data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fleet.engine.immutable import forces_replacement
from fleet.model.change import ChangeKind, FieldChange
from fleet.model.objects import Manifest, ObjectRef

_POD_OWNERS = frozenset({("apps", "Deployment"), ("apps", "DaemonSet"), ("apps", "StatefulSet")})
"""Kinds that replace their pods when the pod template changes."""

_SCALED = frozenset({*_POD_OWNERS, ("apps", "ReplicaSet"), ("", "ReplicationController")})

_DELETION = {
    ("", "Namespace"): "deletes the namespace and everything in it",
    ("", "PersistentVolumeClaim"): "deletes the claim: its data may be lost",
    ("", "PersistentVolume"): "deletes the volume: its data may be lost",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "deletes every object of the kind that it defines",
    ("apps", "StatefulSet"): "deletes all its pods",
    ("apps", "Deployment"): "deletes all its pods",
    ("apps", "DaemonSet"): "deletes all its pods",
}


def risks_of(
    kind: ChangeKind, old: Manifest | None, new: Manifest | None, fields: Iterable[FieldChange]
) -> tuple[str, ...]:
    """Return the risks of one object's change, worst first; empty for a harmless one.

    Args:
        kind: how the object changes.
        old: the object before; None if it is added.
        new: the object after; None if it is removed.
        fields: what differs.
    """
    if kind in (ChangeKind.REMOVED, ChangeKind.MISSING):
        return () if old is None else (_deletion(old),)
    if old is None or new is None:
        return ()
    replaced = forces_replacement(old, new)
    if replaced:
        risks = [f"replaces the object: {path} is immutable" for path in replaced]
        loss = _DELETION.get(_group_kind(new))
        return (*risks, loss) if loss else tuple(risks)
    found: list[str] = []
    paths = [field.path for field in fields]
    for rule in _RULES:
        found += rule(old, new, paths)
    return tuple(found)


def restarts(risks: Iterable[str]) -> bool:
    """Say whether pods are restarted by a change with these risks."""
    return any(risk.startswith("restarts pods") for risk in risks)


def _deletion(old: Manifest) -> str:
    return _DELETION.get(_group_kind(old), f"deletes the {old.get('kind', 'object')}")


def _group_kind(manifest: Manifest) -> tuple[str, str]:
    ref = ObjectRef.of(manifest)
    return ref.group, ref.kind


def _under(paths: Iterable[str], root: str) -> bool:
    return any(path == root or path.startswith((f"{root}.", f"{root}[", f"{root} ")) for path in paths)


def _spec(manifest: Manifest, *keys: str) -> Any:
    value: Any = manifest.get("spec")
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _pod_template(old: Manifest, new: Manifest, paths: list[str]) -> list[str]:
    del old
    if _group_kind(new) not in _POD_OWNERS or not _under(paths, "spec.template"):
        return []
    if _spec(new, "updateStrategy", "type") == "OnDelete":
        return ["pods change only when they are deleted (updateStrategy OnDelete)"]
    if _spec(new, "strategy", "type") == "Recreate":
        return ["restarts pods, all at once (strategy Recreate)"]
    return ["restarts pods"]


def _replicas(old: Manifest, new: Manifest, paths: list[str]) -> list[str]:
    if _group_kind(new) not in _SCALED or not _under(paths, "spec.replicas"):
        return []
    before, after = _spec(old, "replicas"), _spec(new, "replicas")
    if after == 0:
        return ["stops all pods"]
    # Who leaves `replicas` out leaves it to an autoscaler, or to the server's default of 1.
    return [] if before is None or after is None else [f"scales {before} → {after}"]


def _traffic(old: Manifest, new: Manifest, paths: list[str]) -> list[str]:
    del old
    if _group_kind(new) != ("", "Service"):
        return []
    if _under(paths, "spec.selector"):
        return ["sends traffic to other pods"]
    return ["changes the addresses that it is reached by"] if _under(paths, "spec.type") else []


def _versions(old: Manifest, new: Manifest, paths: list[str]) -> list[str]:
    del paths
    if _group_kind(new)[1] != "CustomResourceDefinition":
        return []
    gone = [name for name in _served(old) if name not in _served(new)]
    return [f"stops serving {', '.join(gone)}: clients of it fail"] if gone else []


def _served(definition: Manifest) -> list[str]:
    versions = _spec(definition, "versions")
    if not isinstance(versions, list):
        return []
    return [str(v.get("name")) for v in versions if isinstance(v, Mapping) and v.get("served", True)]


def _rules(old: Manifest, new: Manifest, paths: list[str]) -> list[str]:
    del old
    group, kind = _group_kind(new)
    if group != "rbac.authorization.k8s.io" or not (_under(paths, "rules") or _under(paths, "subjects")):
        return []
    return ["changes permissions"] if kind.endswith(("Role", "Binding")) else []


_RULES: tuple[Callable[[Manifest, Manifest, list[str]], list[str]], ...] = (
    _versions,
    _pod_template,
    _replicas,
    _traffic,
    _rules,
)
