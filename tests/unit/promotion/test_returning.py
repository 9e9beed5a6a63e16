"""Which release an environment goes back to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from fleet.engine.returning import earlier_release
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.release import Release
from fleet.model.restriction import Rejection

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C, D = (Release(version=f"1.{n}.0", revision=str(n) * 40) for n in range(4))


def history(*releases: Release) -> list[HistoryEntry]:
    """Return a history in which these releases came one after the other, newest first."""
    made = [
        HistoryEntry(
            id=str(n), kind=PromotionKind.MANUAL, app="web", environment="prod", after=r, time=NOW + timedelta(hours=n)
        )
        for n, r in enumerate(releases)
    ]
    return made[::-1]


def rejected(release: Release) -> Rejection:
    return Rejection(
        app="web", version=release.version, revision=release.revision, owner="Ada", reason="it leaks", created=NOW
    )


@pytest.mark.parametrize(
    ("line", "bad", "healthy", "wanted"),
    [
        ((A, B, C), (), None, B),
        ((A, B, C), (B,), None, A),
        ((A, B, C), (A, B), None, None),
        ((A,), (), None, None),
        ((A, B, A), (), None, None),  # gone back already: nothing is before A
        ((A, B, A, C), (), None, A),  # B was gone back from
        ((A, B, C, D), (), (A, B), B),
        ((A, B, C, D), (B,), (A, B), A),
        ((A, B, C), (), (), B),  # nobody looked
    ],
)
def test_the_last_one_that_is_fit(
    line: Sequence[Release], bad: Sequence[Release], healthy: Sequence[Release] | None, wanted: Release | None
) -> None:
    found = earlier_release(history(*line), line[-1], [rejected(r) for r in bad], healthy)
    assert (found.entry.after if found else None) == wanted


def test_what_is_passed_over_is_told_with_the_reason() -> None:
    found = earlier_release(history(A, B, C, D), D, [rejected(C)], (A,))
    assert found is not None
    assert found.passed_over == (
        "1.2.0 (2222222) is passed over: it was rejected: it leaks",
        "1.1.0 (1111111) is passed over: it is not known to have been healthy there",
    )


def test_a_pin_that_was_changed_meanwhile_is_not_guessed_about() -> None:
    assert earlier_release(history(A, B), C) is None
