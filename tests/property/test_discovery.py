"""Choosing the next tag, over random tags, ranges and present versions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.discovery import Present, choose
from fleet.engine.ranges import satisfies
from fleet.engine.references import parse
from fleet.engine.tags import version_of
from fleet.engine.versions import precedence
from fleet.model.discoveries import Verdict
from fleet.model.discovery import ImageRuleSpec

numbers = st.integers(0, 3)
suffixes = st.sampled_from(["", "", "", "-rc.1", "-rc.2", "-alpha", "_b1"])
versions = st.builds(lambda a, b, c, s: f"{a}.{b}.{c}{s}", numbers, numbers, numbers, suffixes)
tags = st.one_of(
    versions,
    versions.map(lambda v: f"v{v}"),
    st.sampled_from(["latest", "main", "1.2", "sha-1234567"]),
)
ranges = st.sampled_from(["*", "^1", ">=1.1 <3", "~2.1", "1.x || 3.x", ">=0.0.0-alpha"])
rules = st.builds(
    ImageRuleSpec,
    range=ranges,
    prereleases=st.booleans(),
    ignore=st.lists(tags, max_size=2).map(tuple),
)
downs = st.dictionaries(tags, st.just("nobody wants it"), max_size=3)


@given(st.lists(tags, max_size=25), tags, rules, downs, st.randoms(use_true_random=False))
def test_the_choice_is_sound_and_does_not_depend_on_the_order(all_tags, present, rule, down, random) -> None:  # type: ignore[no-untyped-def]
    found = choose(all_tags, Present(present), rule, down)
    shuffled = list(all_tags)
    random.shuffle(shuffled)
    assert choose(shuffled, Present(present), rule, down) == found
    assert sorted(v.tag for v in found.verdicts) == sorted(set(all_tags))
    assert all(v.reason for v in found.verdicts)
    fit = [t for t in set(all_tags) if _may_come(t, present, rule, down)]
    if found.newest is None:
        assert fit == []
        return
    assert found.newest.tag in fit
    top = precedence(found.newest.version or "")
    assert all(precedence(version_of(t, None) or "") <= top for t in fit)
    assert [v.tag for v in found.verdicts if v.verdict is Verdict.NEWEST] == [found.newest.tag]


@given(st.lists(tags, max_size=25), versions, rules)
def test_once_the_choice_runs_there_is_nothing_left_to_choose(all_tags, present, rule) -> None:  # type: ignore[no-untyped-def]
    found = choose(all_tags, Present(present), rule)
    if found.newest is not None:
        assert choose(all_tags, Present(found.newest.tag), rule).newest is None


def _may_come(tag: str, present: str, rule: ImageRuleSpec, down: dict[str, str]) -> bool:
    version, now = version_of(tag, None), version_of(present, None)
    if version is None or now is None or tag in rule.ignore or tag in down:
        return False
    pre = "-" in version
    core = version.split("+")[0].split("-")[0]
    inside = satisfies(version, rule.range) or (pre and satisfies(core, rule.range))
    return inside and (rule.prereleases or not pre) and precedence(version) > precedence(now)


hosts = st.sampled_from(["", "registry.example/", "localhost:5000/"])
names = st.from_regex(r"[a-z0-9]+(?:[._-][a-z0-9]+)?(?:/[a-z0-9]+)?", fullmatch=True).filter(lambda n: len(n) < 60)


@given(hosts, names, st.one_of(st.none(), tags), st.booleans())
def test_references_survive_being_taken_apart(host, name, tag, digest) -> None:  # type: ignore[no-untyped-def]
    text = f"{host}{name}" + (f":{tag}" if tag else "") + (f"@sha256:{'ab' * 32}" if digest else "")
    assert str(parse(text)) == text
