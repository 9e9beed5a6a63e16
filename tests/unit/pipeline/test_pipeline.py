from __future__ import annotations

from fleet.engine.pipeline import cycles, members, order, waves
from fleet.model.declared import WaveSpec
from fleet.model.selector import ClusterSelector

CLUSTERS = {"eu-1": {"region": "eu"}, "eu-2": {"region": "eu"}, "us-1": {"region": "us"}}


def wave(name: str, **selector: object) -> WaveSpec:
    return WaveSpec.model_validate({"name": name, "clusters": selector})


def test_environments_come_after_their_source_then_by_name() -> None:
    sources = {"prod": "staging", "dev": None, "staging": "dev", "perf": "dev", "qa": "perf"}
    assert order(sources) == ("dev", "perf", "qa", "staging", "prod")


def test_pipelines_follow_each_other() -> None:
    assert order({"b-prod": "b-dev", "a-prod": "a-dev", "b-dev": None, "a-dev": None}) == (
        "a-dev",
        "a-prod",
        "b-dev",
        "b-prod",
    )


def test_an_unknown_source_counts_as_none() -> None:
    assert order({"a": "nowhere", "b": "a"}) == ("a", "b")


def test_each_circle_is_found_once() -> None:
    sources = {"a": "c", "b": "a", "c": "b", "d": "a", "e": "e", "f": None}
    assert cycles(sources) == (("a", "b", "c"), ("e",))
    assert order(sources) == ("f", "a", "b", "c", "d", "e")


def test_members_are_chosen_by_name_and_label() -> None:
    assert members(ClusterSelector(names=("us-1",), match_labels={"region": "eu"}), CLUSTERS) == (
        "eu-1",
        "eu-2",
        "us-1",
    )
    assert members(ClusterSelector(), CLUSTERS) == ()


def test_what_no_wave_selects_comes_last() -> None:
    found = waves([wave("canary", names=["eu-2"])], list(CLUSTERS), CLUSTERS)
    assert [(w.name, w.position, w.clusters) for w in found] == [
        ("canary", 0, ("eu-2",)),
        ("rest", 1, ("eu-1", "us-1")),
    ]


def test_an_empty_wave_is_left_out_and_the_first_of_two_wins() -> None:
    declared = [
        wave("asia", matchLabels={"region": "asia"}),
        wave("one", names=["eu-1"]),
        wave("eu", matchLabels={"region": "eu"}),
    ]
    found = waves(declared, ["eu-1", "eu-2"], CLUSTERS)
    assert [(w.name, w.position, w.clusters) for w in found] == [("one", 0, ("eu-1",)), ("eu", 1, ("eu-2",))]
