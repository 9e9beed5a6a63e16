"""Pulumi programs as a source of objects."""

from __future__ import annotations

import pytest

from fleet.adapters.render import codes
from fleet.adapters.render.renderer import JailedRenderer
from tests.helpers.rendering import objects, one, problem, program

IMPORTS = "import pulumi\nimport pulumi_kubernetes as k8s\n"
WEB = {
    "program.py": """\
        import pulumi
        import pulumi_kubernetes as k8s
        from lib.shapes import Web

        config = pulumi.Config("fleet")
        values = config.require_object("values")
        space = k8s.core.v1.Namespace("space", metadata={"name": config.require("namespace")})
        settings = k8s.core.v1.ConfigMap(
            "settings",
            metadata=k8s.meta.v1.ObjectMetaArgs(name="settings", namespace=space.metadata.name),
            data={"replicas": str(values["replicas"]), "cluster": config.require_object("cluster")["name"]},
        )
        Web("web", config.require_object("images")["web"], settings.metadata.name)
        pulumi.export("ignored", settings.metadata.name)
        print("also ignored")
        """,
    "lib/__init__.py": "",
    "lib/shapes.py": """\
        import pulumi
        import pulumi_kubernetes as k8s


        class Web(pulumi.ComponentResource):
            def __init__(self, name, image, settings):
                super().__init__("shop:index:Web", name)
                labels = {"app": name}
                container = k8s.core.v1.ContainerArgs(
                    name=name,
                    image=image,
                    env_from=[{"config_map_ref": {"name": settings}}],
                    ports=[k8s.core.v1.ContainerPortArgs(container_port=8080)],
                )
                k8s.apps.v1.Deployment(
                    name,
                    metadata={"name": name},
                    spec=k8s.apps.v1.DeploymentSpecArgs(
                        replicas=2,
                        selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
                        template=k8s.core.v1.PodTemplateSpecArgs(
                            metadata={"labels": labels}, spec=k8s.core.v1.PodSpecArgs(containers=[container])
                        ),
                    ),
                    opts=pulumi.ResourceOptions(parent=self),
                )
                self.register_outputs({})
        """,
}


def test_registered_resources_are_the_objects(renderer: JailedRenderer) -> None:
    found = {m["kind"]: m for m in objects(renderer, program(WEB))}
    assert sorted(found) == ["ConfigMap", "Deployment", "Namespace"]
    assert found["Namespace"] == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert found["ConfigMap"]["data"] == {"replicas": "2", "cluster": "dev-1"}
    pod = found["Deployment"]["spec"]["template"]["spec"]
    assert found["Deployment"]["metadata"] == {"name": "web", "namespace": "shop"}
    assert pod["containers"] == [
        {
            "name": "web",
            "image": "web:1",
            "envFrom": [{"configMapRef": {"name": "settings"}}],
            "ports": [{"containerPort": 8080}],
        }
    ]


def test_a_program_gives_the_same_every_time(renderer: JailedRenderer) -> None:
    code = IMPORTS + 'for n in {"c", "a", "b"}:\n    k8s.core.v1.ConfigMap(n, metadata={"name": n}, data={"x": "%s"})\n'
    runs = [[m["metadata"]["name"] for m in objects(renderer, program(code % salt))] for salt in "1234"]
    assert runs == [["a", "b", "c"]] * 4


def test_secret_outputs_are_plain_inputs_of_a_secret(renderer: JailedRenderer) -> None:
    code = (
        IMPORTS
        + 'k8s.core.v1.Secret("s", metadata={"name": "s"}, string_data={"p": pulumi.Output.secret("x")}, type="Opaque")'
    )
    assert objects(renderer, program(code))[0]["stringData"] == {"p": "x"}


def test_custom_resources_keep_their_keys(renderer: JailedRenderer) -> None:
    code = IMPORTS + (
        'k8s.apiextensions.CustomResource("w", api_version="example.com/v1", kind="Widget",'
        ' metadata={"name": "w"}, spec={"camelCase": 1, "snake_case": [1.5, True]})'
    )
    assert objects(renderer, program(code))[0]["spec"] == {"camelCase": 1, "snake_case": [1.5, True]}


def test_one_program_never_sees_another(renderer: JailedRenderer) -> None:
    objects(renderer, program(IMPORTS + "import builtins\nbuiltins.leak = 1\n"))
    assert "NameError" in problem(renderer, program("leak\n")).message


SERVICE = 's = k8s.core.v1.Service("s", metadata={"name": "s"}, spec={"ports": [{"port": 80}]})\n'


@pytest.mark.parametrize(
    ("code", "expected", "message", "line"),
    [
        ('k8s.core.v1.ConfigMap("a")', codes.NO_NAME, "has no `metadata`", 3),
        ('k8s.core.v1.ConfigMap("a", metadata={"labels": {}})', codes.NO_NAME, "has no `metadata.name`", 3),
        ('k8s.core.v1.ConfigMap("a", metadata={"generate_name": "a-"})', codes.GENERATE_NAME, "`generateName`", 3),
        ('\nraise ValueError("boom")', codes.PROGRAM, "ValueError: boom", 4),
        ("for x in", codes.PROGRAM, "cannot be parsed: invalid syntax", 3),
        ("import nowhere", codes.PROGRAM, "No module named 'nowhere'", 3),
        ('pulumi.Config("fleet").require("nope")', codes.PROGRAM, "no configuration `fleet:nope`", 3),
        ('k8s.Provider("p", kubeconfig="x")', codes.FOREIGN_RESOURCE, "may not make providers", 3),
        ('k8s.helm.v3.Release("r", chart="x")', codes.FOREIGN_RESOURCE, "needs the provider", 3),
        ('k8s.helm.v4.Chart("r", chart="x")', codes.FOREIGN_RESOURCE, "needs the provider", 3),
        ('k8s.core.v1.ConfigMapPatch("p", metadata={"name": "x"})', codes.FOREIGN_RESOURCE, "whole object", 3),
        ('pulumi.StackReference("other")', codes.PROGRAM, "is read and not declared", None),
        (
            'k8s.core.v1.ConfigMap("a", metadata={"name": "a"}, opts=pulumi.ResourceOptions(ignore_changes=["data"]))',
            codes.UNSUPPORTED_OPTION,
            "`ignore_changes`",
            3,
        ),
        (
            SERVICE + 'k8s.core.v1.ConfigMap("a", metadata={"name": "a"}, data={"ip": s.spec.cluster_ip})',
            codes.UNKNOWN_OUTPUT,
            "`data.ip` of resource `a` is known only after an apply",
            4,
        ),
        (
            SERVICE
            + 'k8s.core.v1.ConfigMap("a", metadata={"name": "a"}, data={"ip": s.status.load_balancer.ingress[0].ip})',
            codes.UNKNOWN_OUTPUT,
            "`data.ip` of resource `a` is known only after an apply",
            4,
        ),
    ],
)
def test_an_error_points_into_the_program(
    renderer: JailedRenderer, code: str, expected: str, message: str, line: int | None
) -> None:
    found = problem(renderer, program(IMPORTS + code + "\n"))
    assert (found.code, found.location and found.location.line) == (expected, line), found
    assert message in found.message


def test_resources_of_other_packages_are_refused(renderer: JailedRenderer) -> None:
    code = (
        "import pulumi\n"
        "class Random(pulumi.CustomResource):\n"
        "    def __init__(self, name):\n"
        '        super().__init__("random:index/randomString:RandomString", name, {})\n'
        'Random("x")\n'
    )
    found = problem(renderer, program(code))
    assert (found.code, found.message) == (
        codes.FOREIGN_RESOURCE,
        "`random:index/randomString:RandomString` is not a Kubernetes resource",
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("while True:\n    pass", {codes.CPU_TIME}),
        ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", {codes.CPU_TIME}),
        ("x = bytearray(8 << 30)", {codes.MEMORY}),
        ("def f(): f()\nf()", {codes.RECURSION}),
        ("import os\nos._exit(0)", {codes.CRASHED}),
        ("import sys\nsys.exit(3)", {codes.PROGRAM}),
    ],
)
def test_a_program_that_breaks_a_limit_fails_alone(renderer: JailedRenderer, code: str, expected: set[str]) -> None:
    assert {p.code for p in one(renderer, program(code)).problems} <= expected
    assert len(objects(renderer, program(WEB, values={"replicas": code}))) == 3


def test_the_same_object_twice_is_told_with_both_places(renderer: JailedRenderer) -> None:
    code = IMPORTS + "".join(f'k8s.core.v1.ConfigMap("{n}", metadata={{"name": "x"}})\n' for n in "ab")
    found = problem(renderer, program(code))
    assert (found.code, str(found.location)) == (codes.DUPLICATE_OBJECT, "apps/web/program.py:4")
    assert "apps/web/program.py:3" in found.message
