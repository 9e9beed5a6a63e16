"""A small app as fleets in git hold it, for tests with real API servers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from fleet.adapters.kube.clusters import KubeClusters
from fleet.errors import FleetError
from fleet.model.declared import AccessSpec, ClusterSpec
from fleet.model.objects import ObjectRef
from tests.integration.conftest import Kube


def web_template(image: str) -> str:
    """Return the template of a namespace and a Deployment; ``image`` is a template itself."""
    return f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: "{{{{ namespace }}}}"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {{{{ values.replicas }}}}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: "{image}"}}]
"""


def delete_namespaces(kube: Kube, clusters: KubeClusters, names: Iterable[str]) -> None:
    """Delete namespaces on every cluster, where they are; nobody waits for the end."""
    for context in kube.contexts:
        spec = ClusterSpec(access=AccessSpec(context=context, kubeconfig=str(kube.kubeconfig)))
        for name in names:
            with suppress(FleetError):
                clusters.writer(context, spec).delete(ObjectRef("v1", "Namespace", "", name), propagation="Background")
