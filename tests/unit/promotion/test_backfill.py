"""What people changed by hand, told from the pins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.backfill import infer
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release

SOURCES = {"dev": None, "staging": "dev", "prod": "staging"}
START = datetime(2026, 1, 1, tzinfo=UTC)
Step = tuple[str, str | None]
"""Environment, and the version that it got."""


def history(*commits: Sequence[Step], kind: PromotionKind = PromotionKind.MANUAL) -> tuple[HistoryEntry, ...]:
    """Return the history of `web`, newest first, out of what each commit did."""
    pins: dict[str, Release | None] = {}
    entries = []
    for number, steps in enumerate(commits):
        for environment, version in steps:
            after = Release(version=f"{version}.0.0", revision=f"{int(version):040x}") if version else None
            entries.append(
                HistoryEntry(
                    id=f"{number:012x}",
                    commit=f"{number:040x}",
                    kind=kind,
                    app="web",
                    environment=environment,
                    before=pins.get(environment),
                    after=after,
                    time=START + timedelta(hours=number),
                )
            )
            pins[environment] = after
    return tuple(reversed(entries))


def kinds(*commits: Sequence[Step]) -> list[str]:
    told = reversed(infer(history(*commits), SOURCES))
    return [f"{'~' if entry.inferred else ''}{entry.kind.value}" for entry in told]


def test_the_usual_way() -> None:
    start = [("dev", "1"), ("staging", "1"), ("prod", "1")]
    assert kinds(start, [("dev", "2")], [("staging", "2")], [("prod", "2")]) == [
        *["manual"] * 3,
        "~release",
        "~promotion",
        "~promotion",
    ]


def test_going_back_and_forth() -> None:
    commits = [[("dev", "1")], [("dev", "2")], [("dev", "1")], [("dev", "2")], [("dev", "3")], [("dev", "1")]]
    assert kinds(*commits) == ["manual", "~release", "~rollback", "~release", "~release", "~rollback"]
    forward = [[("dev", "1"), ("prod", "1")], [("staging", "2")], [("prod", "2")], [("prod", "1")], [("prod", "2")]]
    assert kinds(*forward)[3:] == ["~promotion", "~rollback", "~promotion"]


def test_several_pins_in_one_commit() -> None:
    start = [("dev", "1"), ("staging", "1")]
    assert kinds(start, [("dev", "2"), ("staging", "2")])[2:] == ["~release", "~release"]
    assert kinds(start, [("dev", "2")], [("dev", "3"), ("staging", "2")])[3:] == ["~release", "~promotion"]
    back = kinds(start, [("dev", "2"), ("staging", "2")], [("dev", "1"), ("staging", "1")])
    assert back[4:] == ["~rollback", "~rollback"]


def test_pins_that_come_and_go() -> None:
    assert kinds([("dev", "1")], [("dev", None)], [("dev", "1")]) == ["manual", "manual", "manual"]
    assert kinds([("dev", "1")], [("staging", "1")]) == ["manual", "~promotion"]  # the app enters staging


def test_what_is_known_stays() -> None:
    known = history([("dev", "1")], [("dev", "2")], kind=PromotionKind.RELEASE)
    assert infer(known, SOURCES) == known


COMMITS = st.lists(
    st.dictionaries(
        st.sampled_from(["dev", "staging", "prod"]), st.sampled_from(["1", "2", "3", None]), min_size=1
    ).map(lambda pins: list(pins.items())),
    max_size=12,
)


@given(COMMITS)
def test_any_history(commits: list[list[Step]]) -> None:
    entries = tuple(e for e in history(*commits) if e.before != e.after)
    told = infer(entries, SOURCES)
    assert infer(told, SOURCES) == told
    assert [(e.commit, e.before, e.after) for e in told] == [(e.commit, e.before, e.after) for e in entries]
    for number, entry in enumerate(told):
        earlier = told[number + 1 :]
        assert entry.inferred == (entry.kind is not PromotionKind.MANUAL)
        if entry.kind is PromotionKind.ROLLBACK:
            assert any(e.after == entry.after and e.environment == entry.environment for e in earlier)
        if entry.kind is PromotionKind.PROMOTION:
            assert entry.source == SOURCES[entry.environment]
            assert any(
                e.after == entry.after and e.environment == entry.source and e.commit != entry.commit for e in earlier
            )
