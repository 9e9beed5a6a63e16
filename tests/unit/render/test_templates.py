"""What templates can do, and how their errors are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.adapters.render import codes
from fleet.adapters.render.renderer import JailedRenderer
from tests.helpers.rendering import CONFIG_MAP, data, objects, one, problem, templates


def test_a_template_sees_values_images_and_names(renderer: JailedRenderer) -> None:
    found = data(
        renderer,
        """
        a: "{{ app }} {{ namespace }} {{ release.version }} {{ environment.name }} {{ cluster.labels.region }}"
        b: "{{ values.replicas }} {{ images.web }} {{ images['web'] }}"
        """,
    )
    assert found == {"a": "web shop 1.0.0 dev eu", "b": "2 web:1 web:1"}


def test_expressions_print_yaml_and_not_python(renderer: JailedRenderer) -> None:
    found = data(
        renderer,
        """
        bool: {{ values.on }}
        none: {{ values.nothing }}
        list: {{ values.list }}
        map: {{ values.map }}
        """,
    )
    assert found == {"bool": True, "none": None, "list": ["a", "b"], "map": {"a": 2, "b": 1}}


def test_filters_for_yaml(renderer: JailedRenderer) -> None:
    found = data(
        renderer,
        """
        quoted: {{ values.replicas | quote }}
        encoded: {{ "héllo" | b64encode }}
        decoded: {{ "aGk=" | b64decode }}
        digest: {{ "x" | sha256 }}
        block:
          {{ values.map | to_yaml(4) }}
        json: {{ values.map | to_json }}
        """,
    )
    assert found["quoted"] == "2"
    assert (found["encoded"], found["decoded"]) == ("aMOpbGxv", "hi")
    assert found["digest"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert found["block"] == found["json"] == {"a": 2, "b": 1}


def test_to_yaml_quotes_what_kubectl_would_read_as_something_else(renderer: JailedRenderer) -> None:
    tricky = ["y", "no", "on", "1e3", "0644", "12:30", "2026-01-31", "~", "", ".inf", "null", "1_000", "- a", "a: b"]
    text = CONFIG_MAP.replace("\ndata:", "\nlist:") + "  {{ values.tricky | to_yaml(2) }}\n"
    manifest = objects(renderer, templates(text, values={"tricky": tricky}))[0]
    assert manifest["list"] == tricky


def test_to_yaml_keeps_texts_of_several_lines(renderer: JailedRenderer) -> None:
    text = {"a": "one\n  two\n\nthree\n", "b": "no end\n\n\n", "c": " leading\nspace"}
    assert data(renderer, "{{ values.text | to_yaml(2) }}", values={"text": text}) == text


def test_templates_are_included_imported_and_extended(renderer: JailedRenderer) -> None:
    files = {
        "a.yaml.j2": "{% extends '_base.j2' %}{% block data %}  a: 1\n{% endblock %}",
        "b.yaml.j2": "{% import 'lib/macros.j2' as m %}" + CONFIG_MAP.replace("web", "two") + "  {{ m.pair('b') }}\n",
        "_base.j2": CONFIG_MAP + "{% block data %}{% endblock %}{% include '_more.j2' %}",
        "_more.j2": "  more: {{ values.replicas }}\n",
        "lib/macros.j2": "{% macro pair(name) %}{{ name }}: 2{% endmacro %}",
    }
    assert [m["data"] for m in objects(renderer, templates(files))] == [{"a": 1, "more": 2}, {"b": 2}]


def test_plain_yaml_is_taken_as_it_is(renderer: JailedRenderer) -> None:
    assert objects(renderer, templates({"a.yaml": CONFIG_MAP + "  a: '{{ kept }}'\n"}))[0]["data"] == {
        "a": "{{ kept }}"
    }


def test_objects_come_in_the_order_of_files_and_documents(renderer: JailedRenderer) -> None:
    def named(*names: str) -> str:
        return "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n" for name in names)

    found = objects(renderer, templates({"b.yaml.j2": named("c", "a"), "a.yaml.j2": named("z")}))
    assert [m["metadata"]["name"] for m in found] == ["z", "c", "a"]


def test_a_loop_can_keep_state_in_a_namespace_although_the_app_has_one(renderer: JailedRenderer) -> None:
    lines = "{% set ns = namespace(sum=0) %}{% for i in range(4) %}{% set ns.sum = ns.sum + i %}{% endfor %}"
    found = objects(renderer, templates(lines + CONFIG_MAP + "  sum: {{ ns.sum }}\n  in: {{ namespace }}\n"))
    assert found[0]["data"] == {"sum": 6, "in": "shop"}


def test_a_value_may_be_called_like_a_method_of_a_map(renderer: JailedRenderer) -> None:
    assert data(renderer, "a: {{ values.items }} {{ values['keys'] }}", values={"items": "x", "keys": "y"}) == {
        "a": "x y"
    }


def test_maps_are_walked_in_the_order_of_keys(renderer: JailedRenderer) -> None:
    lines = "a: {% for k, v in values.map.items() %}{{ k }}{{ v }}{% endfor %}"
    orders = [{"map": {"b": 1, "a": 2}}, {"map": {"a": 2, "b": 1}}]
    assert [data(renderer, lines, values=values) for values in orders] == [{"a": "a2b1"}] * 2


@pytest.mark.parametrize(
    ("text", "code", "message", "line", "hint"),
    [
        ("a: 1\n{% if %}\n", codes.SYNTAX, "Expected an expression", 2, None),
        ("a: 1\nb: {{ values.replica }}\n", codes.UNDEFINED, "`values.replica`", 2, "did you mean `values.replicas`?"),
        ("\n{{ nobody }}", codes.UNDEFINED, "`nobody` is not defined", 2, "set it in a values layer"),
        ("{{ values.map.c.d }}", codes.UNDEFINED, "`values.map.c` is not defined", 1, None),
        ("a\n\n{{ 1 + 'x' }}", codes.TEMPLATE, "unsupported operand", 3, None),
        ("{{ ''.__class__.__mro__ }}", codes.FORBIDDEN, "`__class__`", 1, None),
        ("{{ values.list.append(1) }}", codes.FORBIDDEN, "not allowed", 1, None),
        ("{{ values.items }}", codes.FORBIDDEN, "not data", 1, None),
        ("{% include 'missing.j2' %}", codes.NOT_FOUND, "`missing.j2`", 1, None),
        ("{% include '../app.yaml' %}", codes.NOT_FOUND, "`../app.yaml`", 1, None),
        ("{% include '/etc/passwd' %}", codes.NOT_FOUND, "`/etc/passwd`", 1, None),
        ("{{ [1, 2] | random }}", codes.SYNTAX, "random", 1, None),
        ("{{ lipsum() }}", codes.UNDEFINED, "`lipsum`", 1, None),
        (
            "a: 1\n{% macro m(x) %}\n\n{{ x.y }}{% endmacro %}\n{{ m({}) }}",
            codes.UNDEFINED,
            "`y` is not defined",
            4,
            None,
        ),
    ],
)
def test_an_error_points_into_the_template(
    renderer: JailedRenderer, text: str, code: str, message: str, line: int, hint: str | None
) -> None:
    found = problem(renderer, templates(text))
    assert (found.code, str(found.location)) == (code, f"apps/web/templates/a.yaml.j2:{line}")
    assert message.strip("`") in found.message
    assert hint is None or hint in (found.hint or "")


def test_an_error_in_an_included_file_points_there(renderer: JailedRenderer) -> None:
    files = {"a.yaml.j2": "a: 1\n{% include '_b.j2' %}", "_b.j2": "\n\n{{ nobody }}"}
    assert str(problem(renderer, templates(files)).location) == "apps/web/templates/_b.j2:3"


def test_every_bad_template_is_told_at_once(renderer: JailedRenderer) -> None:
    files = {"a.yaml.j2": "{{ one }}", "b.yaml.j2": CONFIG_MAP, "c.yaml.j2": "{{ two }}"}
    found = one(renderer, templates(files))
    assert [p.message for p in found.problems] == ["`one` is not defined", "`two` is not defined"]


def test_an_app_without_templates_is_an_error(renderer: JailedRenderer) -> None:
    assert problem(renderer, templates({"notes.txt": "x"})).code == codes.NO_FILES


def test_templates_that_render_nothing_are_no_error(renderer: JailedRenderer) -> None:
    assert objects(renderer, templates("{% if not values.on %}a: 1{% endif %}\n---\n# nothing\n")) == []


def test_a_file_that_is_no_text_is_an_error(renderer: JailedRenderer) -> None:
    request = templates("a: 1")
    files = {"apps/web/templates/a.yaml.j2": b"a: 1\nb: \xff\n"}
    found = problem(renderer, replace(request, files=files))
    assert (found.message, str(found.location)) == ("the file is not UTF-8 text", "apps/web/templates/a.yaml.j2:2")
