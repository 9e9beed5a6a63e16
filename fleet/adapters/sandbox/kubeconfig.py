"""The kubeconfig of the sandbox: one context per cluster, of the same name, certificates inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import yaml

from fleet.adapters.sandbox.cluster import Cluster
from fleet.files import write_atomically


def write_kubeconfig(path: Path, clusters: Sequence[Cluster]) -> None:
    """Write the kubeconfig of those of the clusters that have certificates; only its owner may read it."""
    whole = [cluster for cluster in clusters if cluster.server and (cluster.pki / "admin.key").is_file()]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster.name,
                "cluster": {"server": cluster.server, "certificate-authority-data": _inline(cluster.pki / "ca.crt")},
            }
            for cluster in whole
        ],
        "users": [
            {
                "name": cluster.name,
                "user": {
                    "client-certificate-data": _inline(cluster.pki / "admin.crt"),
                    "client-key-data": _inline(cluster.pki / "admin.key"),
                },
            }
            for cluster in whole
        ],
        "contexts": [{"name": c.name, "context": {"cluster": c.name, "user": c.name}} for c in whole],
        "current-context": whole[0].name if whole else "",
    }
    write_atomically(path, yaml.safe_dump(document, sort_keys=False), mode=0o600)


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
