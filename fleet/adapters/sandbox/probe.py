"""Asks a sandbox cluster how it is, through the health endpoints of each of its components."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a cluster is; the reason is empty if all is well."""

    reason: str
    version: str | None = None
    nodes: int = 0


class Probe:
    """Asks one cluster.

    Args:
        ports: port per component.
        pki: directory with the certificates that kwokctl made.
    """

    def __init__(self, ports: Mapping[str, int], pki: Path) -> None:
        self._ports = ports
        self._pki = pki

    def ask(self, nodes: int) -> Answer:
        """Return how the cluster is; it should have at least that many ready nodes."""
        try:
            context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
        except (OSError, ssl.SSLError):
            return Answer("it has no certificates yet")
        base = f"https://127.0.0.1:{self._ports['kubeApiserverPort']}"
        with httpx.Client(base_url=base, verify=context, trust_env=False, timeout=_SECONDS) as api:
            reason = _health(api, "kube-apiserver", "/readyz")
            if reason:
                return Answer(reason)
            try:
                version = str(api.get("/version").raise_for_status().json()["gitVersion"])
                items: list[Any] = api.get("/api/v1/nodes").raise_for_status().json()["items"]
            except (httpx.HTTPError, ValueError, KeyError) as error:
                return Answer(f"kube-apiserver: {error}")
        ready = sum(_is_ready(item) for item in items)
        reason = self._others()
        if not reason and ready < nodes:
            reason = f"{ready} of {nodes} nodes are ready"
        return Answer(reason, version, ready)

    def _others(self) -> str:
        # The certificates of these two are made at start and signed by nobody; only their health is asked for.
        with httpx.Client(verify=False, trust_env=False, timeout=_SECONDS) as client:  # noqa: S501
            for name, scheme, port, path in (
                ("etcd", "http", "etcdPort", "/health"),
                ("kube-controller-manager", "https", "kubeControllerManagerPort", "/healthz"),
                ("kube-scheduler", "https", "kubeSchedulerPort", "/healthz"),
                ("kwok-controller", "http", "kwokControllerPort", "/healthz"),
            ):
                reason = _health(client, name, f"{scheme}://127.0.0.1:{self._ports[port]}{path}")
                if reason:
                    return reason
        return ""


def _health(client: httpx.Client, name: str, url: str) -> str:
    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        return f"{name} does not answer: {error}"
    return "" if answer.is_success else f"{name} is not healthy (status {answer.status_code})"


def _is_ready(node: Any) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
