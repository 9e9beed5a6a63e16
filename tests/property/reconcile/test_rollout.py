from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.waves import Member, Rollout, Stand
from fleet.model.names import Target

ENDINGS = st.sampled_from([Stand.VERIFIED, Stand.VERIFIED, Stand.BROKEN, Stand.QUARANTINED])


@st.composite
def members(draw: st.DrawFn) -> list[Member]:
    found = []
    for app in ("web", "api"):
        for number in range(draw(st.integers(0, 7))):
            position = draw(st.integers(0, 3))
            stand = draw(st.sampled_from([Stand.WAITING, Stand.WAITING, Stand.WAITING, Stand.VERIFIED, Stand.BROKEN]))
            gated = draw(st.sampled_from([True, True, True, False]))
            found.append(Member(Target(app, "prod", f"c{number}"), f"w{position}", position, stand, gated))
    return draw(st.permutations(found))


@given(members(), st.data(), st.integers(1, 3))
def test_each_target_runs_once_or_is_held_once_and_waves_keep_their_order(
    given_members: list[Member], data: st.DataObject, limit: int
) -> None:
    rollout = Rollout(given_members, {("prod", f"w{p}"): limit for p in range(4)})
    by_target = {m.target: m for m in given_members}
    stands = {m.target: m.stand for m in given_members}
    running: list[Target] = []
    started: list[Target] = []
    held: list[Target] = []
    while True:
        held += [h.target for h in rollout.take_held()]
        while (target := rollout.take()) is not None:
            mine = by_target[target]
            earlier = [
                stands[m.target] for m in given_members if m.target.app == target.app and m.position < mine.position
            ]
            assert not mine.gated or all(s in (Stand.VERIFIED, Stand.QUARANTINED) for s in earlier)
            running.append(target)
            started.append(target)
            assert len({t.cluster for t in running if by_target[t].wave == mine.wave}) <= limit
        if not running:
            break
        ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
        stands[ended] = data.draw(ENDINGS)
        rollout.finish(ended, stands[ended])
    held += [h.target for h in rollout.take_held()]
    waiting = [m.target for m in given_members if m.stand is Stand.WAITING]
    assert sorted(started + held) == sorted(waiting)
    assert rollout.idle
