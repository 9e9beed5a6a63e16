from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.dependencies import circles, in_order

DEPENDS = {"web": ["api", "auth"], "api": ["database"], "auth": ["database"], "database": []}


def test_each_app_stands_after_what_it_depends_on() -> None:
    assert in_order(["web", "api", "auth", "database"], DEPENDS) == ("database", "api", "auth", "web")


def test_apps_in_between_order_the_others_without_being_listed() -> None:
    assert in_order(["web", "database"], DEPENDS) == ("database", "web")


def test_what_is_independent_stays_as_it_was_given() -> None:
    assert in_order(["c", "a", "b", "a"], {}) == ("c", "a", "b")


def test_circles_are_told_once_and_do_not_stop_the_order() -> None:
    depends = {"c": ["a"], "a": ["b"], "b": ["c"], "d": ["a"], "e": ["e"]}
    assert circles(depends) == (("a", "b", "c"), ("e",))
    assert set(in_order("abcde", depends)) == set("abcde")
    assert circles(DEPENDS) == ()


NAMES = st.sampled_from("abcdefg")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4))


@given(GRAPHS, st.lists(NAMES, unique=True))
def test_the_order_is_a_permutation_and_topological_where_there_is_no_circle(
    depends: dict[str, list[str]], apps: list[str]
) -> None:
    order = in_order(apps, depends)
    assert sorted(order) == sorted(apps)
    if not circles(depends):
        for position, app in enumerate(order):
            assert not set(depends.get(app, ())) & set(order[position + 1 :])


@given(GRAPHS)
def test_a_circle_is_one(depends: dict[str, list[str]]) -> None:
    for circle in circles(depends):
        for app, following in zip(circle, (*circle[1:], circle[0]), strict=True):
            assert following in depends[app]
