"""What rendered text has to be, and that each problem points into the template."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from fleet.adapters.render import codes
from fleet.adapters.render.renderer import JailedRenderer
from fleet.ports.renderer import RenderRequest
from tests.helpers.rendering import CONFIG_MAP, objects, one, problem, templates

HEAD = "apiVersion: v1\nkind: ConfigMap\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("Off", False), ("y", True), ("n", False), ("true", True), ("~", None), ("", None),
        ("0644", 420), ("0o17", 15), ("0x1F", 31), ("0b101", 5), ("-12", -12), ("1_000", 1000), ("08", 8),
        ("1e3", 1000), ("1.0", 1), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("-1E-2", -0.01),
        ("22:22", "22:22"), ("2026-01-31", "2026-01-31"), ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("1.20.3", "1.20.3"), ("0x", "0x"), ("'yes'", "yes"), ('"0644"', "0644"), ("!!str 12", "12"), ("=", "="),
        ("18446744073709551615", 18446744073709551615), ("yesterday", "yesterday"), ("e3", "e3"), ("100m", "100m"),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_they_mean_to_kubectl(renderer: JailedRenderer, text: str, value: Any) -> None:
    found = objects(renderer, templates(CONFIG_MAP + f"  key: {text}\n"))[0]["data"]["key"]
    assert (found, type(found)) == (value, type(value))


def test_keys_become_texts(renderer: JailedRenderer) -> None:
    found = objects(renderer, templates(CONFIG_MAP + "  1: a\n  yes: b\n  1.5: c\n"))[0]["data"]
    assert found == {"1": "a", "true": "b", "1.5": "c"}


def test_anchors_and_merge_keys_work(renderer: JailedRenderer) -> None:
    text = CONFIG_MAP + "  base: &base {a: 1, b: 2}\n  more: {<<: *base, b: 3}\n"
    assert objects(renderer, templates(text))[0]["data"]["more"] == {"a": 1, "b": 3}


def test_lists_of_objects_are_flattened(renderer: JailedRenderer) -> None:
    text = dedent("""\
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
        - apiVersion: v1
          kind: ConfigMapList
          items: [{metadata: {name: b}}]
        """)
    found = objects(renderer, templates(text))
    assert [(m["kind"], m["metadata"]["name"]) for m in found] == [("ConfigMap", "a"), ("ConfigMap", "b")]


def test_namespaces_are_filled_in_where_the_kind_has_them(renderer: JailedRenderer) -> None:
    text = dedent("""\
        {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
        ---
        {apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: other}}
        ---
        {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: c}}
        ---
        {apiVersion: example.com/v1, kind: Widget, metadata: {name: d}}
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: widgets.example.com}
        spec: {group: example.com, scope: Cluster, names: {kind: Widget}}
        """)
    found = objects(renderer, templates(text))
    assert [m["metadata"].get("namespace") for m in found] == ["shop", "other", None, None, None]


def test_kinds_without_a_namespace_can_be_declared(renderer: JailedRenderer) -> None:
    request = templates("{apiVersion: a.b/v1, kind: Thing, metadata: {name: x}}")
    declared = RenderRequest("web", "templates", request.files, request.context, "shop", ("a.b/Thing",))
    assert "namespace" not in objects(renderer, declared)[0]["metadata"]


def test_what_generators_leave_behind_is_dropped(renderer: JailedRenderer) -> None:
    text = HEAD + "metadata: {name: a, creationTimestamp: null, generation: 1, uid: null}\nstatus: {x: 1}\n"
    assert objects(renderer, templates(text)) == [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}
    ]


@pytest.mark.parametrize(
    ("text", "code", "message", "line"),
    [
        ("just text\n", codes.NOT_AN_OBJECT, "a rendered document is a text", 1),
        ("\n- a\n", codes.NOT_AN_OBJECT, "a rendered document is a list", 2),
        ("a: 1\n", codes.NOT_AN_OBJECT, "no `apiVersion`", 1),
        ("apiVersion: v1\nmetadata: {}\n", codes.NOT_AN_OBJECT, "no `kind`", 1),
        ("apiVersion: v1\nkind: 12\n", codes.NOT_AN_OBJECT, "`kind: 12` is not valid", 2),
        ("apiVersion: ../v1\nkind: A\n", codes.NOT_AN_OBJECT, "`apiVersion: ../v1` is not valid", 1),
        (HEAD, codes.NO_NAME, "has no `metadata`", 1),
        (HEAD + "metadata:\n  labels: {}\n", codes.NO_NAME, "has no `metadata.name`", 3),
        (HEAD + "metadata:\n  name: 12\n", codes.NO_NAME, "is a number, not a text", 4),
        (HEAD + "metadata:\n  name: a/b\n", codes.NO_NAME, "`a/b` cannot be a name", 4),
        (HEAD + "metadata:\n  generateName: a-\n", codes.GENERATE_NAME, "`generateName`", 4),
        (HEAD + "metadata:\n  name: a\n  namespace: A_b\n", codes.NO_NAMESPACE, "`A_b` cannot be a namespace", 5),
        (HEAD + "metadata:\n  name: a\n  uid: x\n", codes.SERVER_FIELD, "sets `metadata.uid`", 5),
        (HEAD + "metadata:\n  name: a\n  labels:\n    x: 1\n", codes.BAD_METADATA, "`x` in the labels", 6),
        (HEAD + "metadata:\n  name: a\n  name: b\n", codes.DUPLICATE_KEY, "key `name` is there twice", 5),
        (HEAD + "metadata: {name: a}\ndata: {a: .inf}\n", codes.YAML_TAG, "`.inf` has no JSON form", 4),
        (HEAD + "metadata: !!python/object:os.system {}\n", codes.YAML_TAG, "is not allowed", 3),
        (HEAD + "data: !!binary aGk=\n", codes.YAML_TAG, "`!!binary` is not allowed", 3),
        ("a: b: c\n", codes.YAML, "is not YAML", 1),
        ("a: [1\n", codes.YAML, "is not YAML", 2),
        ("a:\n\t- b\n", codes.YAML, "is not YAML", 2),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  namespace: b\n",
            codes.NAMESPACED,
            "`Namespace/a` has a namespace",
            5,
        ),
    ],
)
def test_what_is_no_object_is_refused_with_its_line(
    renderer: JailedRenderer, text: str, code: str, message: str, line: int
) -> None:
    found = problem(renderer, templates(text))
    assert (found.code, str(found.location)) == (code, f"apps/web/templates/a.yaml.j2:{line}")
    assert message in found.message


def test_a_missing_namespace_is_an_error_where_the_app_gives_none(renderer: JailedRenderer) -> None:
    found = problem(renderer, templates(HEAD + "metadata:\n  name: a\n", namespace=None))
    assert (found.code, str(found.location)) == (codes.NO_NAMESPACE, "apps/web/templates/a.yaml.j2:3")


def test_two_documents_of_one_object_name_both_places(renderer: JailedRenderer) -> None:
    body = HEAD + "metadata:\n  name: a\n"
    found = problem(renderer, templates({"a.yaml.j2": body, "b.yaml.j2": "# two\n" + body}))
    assert found.message == "`ConfigMap/shop/a` is rendered twice; the other one is at apps/web/templates/a.yaml.j2:4"
    assert (found.code, str(found.location)) == (codes.DUPLICATE_OBJECT, "apps/web/templates/b.yaml.j2:5")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (
            {"a.yaml.j2": "{% for i in [1, 2] %}\n" + HEAD + "metadata:\n  name: a\n---\n{% endfor %}"},
            "a.yaml.j2:5",
        ),
        ({"a.yaml.j2": "\n\n{% include '_b.j2' %}\n", "_b.j2": "# x\n" + HEAD + "metadata: {}\n"}, "_b.j2:4"),
        (
            {"a.yaml.j2": "{% macro m() %}\n" + HEAD + "metadata:\n  x: 1\n{% endmacro %}\n\n{{ m() }}\n"},
            "a.yaml.j2:4",
        ),
        (
            {
                "a.yaml.j2": "{% import 'm.j2' as m %}\n\n{{ m.meta() }}\n",
                "m.j2": "{% macro meta() %}\n- a\n{% endmacro %}",
            },
            "m.j2:2",
        ),
        ({"a.yaml.j2": HEAD + "metadata:\n  name: {{ values.replicas }}\n"}, "a.yaml.j2:4"),
        ({"a.yaml.j2": HEAD + "metadata:\n  {{ values.map | to_yaml(2) }}\n  labels: 3\n"}, "a.yaml.j2:3"),
        (
            {"a.yaml.j2": "{% set x %}\n" + HEAD + "metadata: 7\n{% endset %}\n# here\n{{ x | indent(0) }}\n"},
            "a.yaml.j2:4",
        ),
        ({"a.yaml.j2": "{% if true -%}\n\n" + HEAD + "{% endif %}\nmetadata: 7\n"}, "a.yaml.j2:6"),
    ],
)
def test_a_problem_of_the_rendered_text_points_to_the_templates_own_line(
    renderer: JailedRenderer, files: dict[str, str], place: str
) -> None:
    found = one(renderer, templates(files)).problems[0]
    assert str(found.location) == f"apps/web/templates/{place}", found


def test_yaml_bombs_are_refused(renderer: JailedRenderer) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    found = problem(renderer, templates("\n".join(levels) + "\n"))
    assert found.code == codes.YAML_LIMIT


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_deep_nesting_is_refused(renderer: JailedRenderer, text: str) -> None:
    found = problem(renderer, templates(text + "\n"))
    assert found.code in (codes.YAML_LIMIT, codes.YAML)


def test_an_alias_of_itself_is_refused(renderer: JailedRenderer) -> None:
    assert problem(renderer, templates("a: &a [*a]\n")).code == codes.YAML_LIMIT


def test_too_many_documents_are_refused(renderer: JailedRenderer) -> None:
    assert problem(renderer, templates("{% for i in range(3000) %}--- \na: 1\n{% endfor %}")).code == codes.YAML_LIMIT
