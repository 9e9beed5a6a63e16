"""Hostile templates break only themselves, and learn which limit they broke."""

from __future__ import annotations

import time

import pytest

from fleet.adapters.render import codes
from fleet.adapters.render.renderer import JailedRenderer
from tests.helpers.rendering import CONFIG_MAP, objects, one, problem, templates

GOOD = CONFIG_MAP + "  a: fine\n"
CUBE = "{% for a in range(300) %}{% for b in range(300) %}{% for c in range(300) %}{% endfor %}{% endfor %}{% endfor %}"
GROWING = (
    "{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = ns.x + [range(100000) | list] %}{% endfor %}"
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ 'a' * 200000000 }}", {codes.OUTPUT}),
        ("{{ [0] * 200000000 }}", {codes.OUTPUT}),
        ("{{ 2 ** 100000000 }}", {codes.OUTPUT}),
        ("{{ range(1000000000) | list }}", {codes.OUTPUT}),
        ("{{ '%900000000d' % 1 }}", {codes.MEMORY}),
        ("{{ 'x' | center(900000000) }}", {codes.MEMORY}),
        (GROWING, {codes.MEMORY, codes.CPU_TIME}),
        ("\n" + CUBE, {codes.CPU_TIME}),
        ("{% for i in range(100000) %}{{ 'a' * 4000 }}{% endfor %}", {codes.OUTPUT}),
        ("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}", {codes.RECURSION}),
        ("{% include 'a.yaml.j2' %}", {codes.RECURSION}),
        ("{{ ('(' * 5000) }}{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", {codes.RECURSION, codes.SYNTAX}),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", {codes.FORBIDDEN}),
        ("{{ ''['__cla' ~ 'ss__'] }}", {codes.FORBIDDEN, codes.UNDEFINED}),
        ("{{ ''|attr('__class__') }}", {codes.FORBIDDEN}),
        ("{{ '{0.__class__}'.format('') }}", {codes.FORBIDDEN}),
        ("{{ self.__init__.__globals__ }}", {codes.FORBIDDEN, codes.UNDEFINED}),
        ("{{ namespace.__init__ }}", {codes.FORBIDDEN}),
        ("{{ values.map.update({'a': 1}) }}", {codes.FORBIDDEN, codes.UNDEFINED}),
        ("{{ open('/etc/passwd') }}", {codes.UNDEFINED}),
    ],
)
def test_a_hostile_template_fails_alone(renderer: JailedRenderer, text: str, code: set[str]) -> None:
    started = time.monotonic()
    bad, good = renderer.render([templates(text), templates(GOOD, values={"salt": text})])
    assert {p.code for p in bad.problems} <= code
    assert bad.problems[0].location is not None
    assert (bad.objects, good.problems) == ((), ())
    assert time.monotonic() - started < 30


def test_a_loop_over_too_much_is_told_with_its_line(renderer: JailedRenderer) -> None:
    found = problem(renderer, templates("a: 1\n\n" + CUBE))
    assert str(found.location) == "apps/web/templates/a.yaml.j2:3"
    assert found.message == "rendering takes more than 1 seconds of processor time"
    assert found.hint is not None


def test_what_does_not_listen_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    impatient = JailedRenderer(tmp_path_factory.mktemp("c"), workers=1, cpu_seconds=30, wall_seconds=0.5)
    try:
        found = problem(impatient, templates(CUBE * 50))
        assert (found.code, found.message) == (codes.WALL_TIME, "rendering takes more than 0.5 seconds")
        assert str(found.location) == "apps/web/templates"
        assert objects(impatient, templates(GOOD)) != []
    finally:
        impatient.close()


def test_a_context_that_is_no_json_is_a_problem(renderer: JailedRenderer) -> None:
    assert one(renderer, templates("{{ values }}", values={"a": object()})).problems[0].code == "FLT-RND-001"
