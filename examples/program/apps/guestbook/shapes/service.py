"""A component: a Deployment with a Service in front of it."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s


class Service(pulumi.ComponentResource):
    """One container, some replicas, one port.

    Args:
        name: name of both objects, and host name inside the namespace.
        image: what runs.
        port: what it listens on.
        replicas: how many.
        environment: variables of the container.
        settings: name of a ConfigMap whose keys are variables too.
    """

    def __init__(
        self,
        name: str,
        *,
        image: str,
        port: int,
        replicas: int = 1,
        environment: Mapping[str, pulumi.Input[str]] | None = None,
        settings: pulumi.Input[str] | None = None,
    ) -> None:
        super().__init__("guestbook:index:Service", name)
        here = pulumi.ResourceOptions(parent=self)
        labels = {"app.kubernetes.io/name": name}
        container = k8s.core.v1.ContainerArgs(
            name=name,
            image=image,
            ports=[{"container_port": port}],
            env=[{"name": key, "value": value} for key, value in sorted((environment or {}).items())],
            env_from=[{"config_map_ref": {"name": settings}}] if settings is not None else [],
        )
        k8s.apps.v1.Deployment(
            name,
            metadata={"name": name, "labels": labels},
            spec={
                "replicas": replicas,
                "selector": {"match_labels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
            opts=here,
        )
        service = k8s.core.v1.Service(
            name,
            metadata={"name": name, "labels": labels},
            spec={"selector": labels, "ports": [{"port": port, "target_port": port}]},
            opts=here,
        )
        self.host = service.metadata.name
        self.register_outputs({"host": self.host})
