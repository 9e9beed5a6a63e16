"""Plans are a function of their facts, and their bodies always fit."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.pull_request_body import BODY_LIMIT
from fleet.model.names import Target
from fleet.model.promotion import AppCommit
from fleet.operations.common.texts import pull_request_text
from tests.helpers.trees import MemoryTree
from tests.unit.promotion.plans import config, plan, release, target

Side = dict[Target, tuple[dict[str, Any], ...]]

TEXT = st.text(max_size=400)
DATA = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(max_size=20), max_size=3)
OBJECTS = st.lists(DATA, max_size=4).map(lambda many: tuple(config(f"m{n}", **d) for n, d in enumerate(many)))
SIDES = st.dictionaries(st.sampled_from(["eu", "us", "ap"]).map(target), OBJECTS, max_size=3)


@given(SIDES, SIDES, st.randoms())
def test_the_order_of_facts_does_not_matter(before: Side, after: Side, random: Random) -> None:
    def shuffled(side: Side) -> Side:
        items = list(side.items())
        random.shuffle(items)
        return {t: tuple(random.sample(objects, len(objects))) for t, objects in items}

    one = plan(objects_before=before, objects_after=after)
    two = plan(objects_before=shuffled(before), objects_after=shuffled(after))
    assert one == two
    assert pull_request_text(one, MemoryTree({})) == pull_request_text(two, MemoryTree({}))


@given(SIDES, SIDES)
def test_every_target_is_in_one_group(before: Side, after: Side) -> None:
    found = plan(objects_before=before, objects_after=after)
    targets = [t for group in found.groups for t in group.targets]
    assert sorted(targets) == sorted({*before, *after})


@given(st.lists(TEXT, min_size=30, max_size=40), st.dictionaries(TEXT.filter(bool), TEXT, max_size=40))
def test_the_body_is_bounded_whatever_the_texts(texts: list[str], images: dict[str, str]) -> None:
    commits = tuple(AppCommit(id="a" * 40, subject=text, author=text) for text in texts)
    found = plan(commits=commits, also_set=texts * 10, after=release(images=images))
    assert len(pull_request_text(found, MemoryTree({})).encode()) <= BODY_LIMIT
