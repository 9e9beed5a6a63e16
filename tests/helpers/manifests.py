"""Kubernetes objects for tests."""

from __future__ import annotations

from typing import Any


def deployment(name: str = "web", image: str = "web:1", **spec: Any) -> dict[str, Any]:
    """Return a Deployment with one container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
            **spec,
        },
    }


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop"},
        "data": data,
    }


def secret(name: str = "keys", **data: str) -> dict[str, Any]:
    """Return a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "data": data}


def pod_spec(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a Deployment around containers."""
    manifest = deployment()
    manifest["spec"]["template"]["spec"] = {"containers": list(containers), **more}
    return manifest
