"""The objects of the guestbook, as a Pulumi program.

fleet runs this in a jail, without network and without files, and takes the Kubernetes resources that it registers as
the rendered objects. What comes out depends on nothing but the configuration below, so it can be planned, compared and
promoted like templates.
"""

import pulumi
import pulumi_kubernetes as k8s
from shapes.service import Service

config = pulumi.Config("fleet")
values = config.require_object("values")
images = config.require_object("images")
release = config.require_object("release")

k8s.core.v1.Namespace("namespace", metadata={"name": config.require("namespace")})

settings = k8s.core.v1.ConfigMap(
    "settings",
    # Every object needs a name of its own: with a random one, each render would be another object.
    metadata={"name": "guestbook"},
    data={"MESSAGE": values["message"], "VERSION": release["version"]},
)

cache = Service("cache", image=images["cache"], port=6379)

Service(
    "web",
    image=images["web"],
    port=3000,
    replicas=values["replicas"],
    environment={"REDIS_HOST": cache.host},
    settings=settings.metadata.name,
)
