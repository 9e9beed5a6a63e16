from __future__ import annotations

from fleet.engine.waves import Member, Rollout, Stand
from fleet.model.names import Target


def target(cluster: str, app: str = "web") -> Target:
    return Target(app, "prod", cluster)


def member(
    cluster: str, position: int, stand: Stand = Stand.WAITING, *, app: str = "web", gated: bool = True
) -> Member:
    return Member(target(cluster, app), f"w{position}", position, stand, gated, reason="it is ill")


def take_all(rollout: Rollout) -> list[str]:
    found = []
    while (taken := rollout.take()) is not None:
        found.append(taken.cluster)
    return found


def test_a_later_wave_starts_only_when_all_of_the_earlier_one_is_verified() -> None:
    rollout = Rollout([member("a", 0), member("b", 0), member("c", 1)])
    assert take_all(rollout) == ["a", "b"]
    rollout.finish(target("a"), Stand.VERIFIED)
    assert take_all(rollout) == []
    rollout.finish(target("b"), Stand.VERIFIED)
    assert take_all(rollout) == ["c"]


def test_a_broken_wave_holds_all_later_waves_of_that_app_only() -> None:
    rollout = Rollout(
        [member("a", 0), member("b", 1), member("c", 2), member("a", 0, app="api"), member("b", 1, app="api")]
    )
    assert take_all(rollout) == ["a", "a"]
    rollout.finish(target("a"), Stand.BROKEN, "it crashes")
    assert [held.target for held in rollout.take_held()] == [target("b"), target("c")]
    rollout.finish(target("a", "api"), Stand.VERIFIED)
    assert rollout.take() == target("b", "api")
    rollout.finish(target("b", "api"), Stand.VERIFIED)
    assert rollout.idle


def test_the_reason_of_a_hold_names_wave_cluster_and_cause() -> None:
    rollout = Rollout([member("a", 0), member("b", 1)])
    take_all(rollout)
    rollout.finish(target("a"), Stand.BROKEN, "it crashes")
    (held,) = rollout.take_held()
    assert held.reason == "wave `w0` is not healthy at this release on `a`: it crashes"


def test_an_unreachable_cluster_is_quarantined_while_another_one_vouches_for_the_wave() -> None:
    rollout = Rollout([member("a", 0, Stand.QUARANTINED), member("b", 0), member("c", 1)])
    assert take_all(rollout) == ["b"]
    rollout.finish(target("b"), Stand.VERIFIED)
    assert take_all(rollout) == ["c"]


def test_a_wave_that_nobody_can_vouch_for_holds_the_next() -> None:
    rollout = Rollout([member("a", 0, Stand.QUARANTINED), member("b", 1)])
    assert rollout.take() is None
    assert [held.reason for held in rollout.take_held()] == ["no cluster of wave `w0` can be reached"]


def test_a_wave_that_only_counts_is_judged_at_once() -> None:
    assert take_all(Rollout([member("a", 0, Stand.VERIFIED), member("b", 1)])) == ["b"]
    ill = Rollout([member("a", 0, Stand.BROKEN), member("b", 1)])
    assert take_all(ill) == []
    assert len(ill.take_held()) == 1


def test_mending_does_not_wait_for_waves_but_its_failure_holds_later_ones() -> None:
    rollout = Rollout([member("a", 0, gated=False), member("b", 1, gated=False), member("c", 2)])
    assert take_all(rollout) == ["a", "b"]
    rollout.finish(target("a"), Stand.BROKEN)
    rollout.finish(target("b"), Stand.VERIFIED)
    assert [held.target for held in rollout.take_held()] == [target("c")]


def test_no_more_clusters_of_a_wave_change_at_once_than_its_limit() -> None:
    rollout = Rollout([member("a", 0), member("a", 0, app="api"), member("b", 0), member("c", 0)], {("prod", "w0"): 1})
    assert take_all(rollout) == ["a", "a"]
    rollout.finish(target("a"), Stand.VERIFIED)
    assert take_all(rollout) == []
    rollout.finish(target("a", "api"), Stand.VERIFIED)
    assert take_all(rollout) == ["b"]


def test_stopping_holds_everything_that_has_not_started() -> None:
    rollout = Rollout([member("a", 0), member("b", 0), member("c", 1)])
    assert rollout.take() == target("a")
    assert [held.target for held in rollout.stop("enough")] == [target("b"), target("c")]
    rollout.finish(target("a"), Stand.VERIFIED)
    assert rollout.take() is None
    assert rollout.idle
