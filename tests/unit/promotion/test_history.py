from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.engine.history import Landing, entry_of, find_entry, release_line
from fleet.engine.message import assemble
from fleet.model.promotion import HistoryEntry, PromotionKind
from tests.unit.promotion.plans import OLD, plan, release

MESSAGE = assemble("Promote web 1.1.0 to prod", plan())


def entry(**changes: Any) -> HistoryEntry:
    given: dict[str, Any] = {
        "commit": "c" * 40,
        "message": MESSAGE,
        "time": datetime(2026, 8, 1, tzinfo=UTC),
        "by": "Bob <b@b>",
        "environment": "prod",
        "app": "web",
        "before": release("1.0.0", OLD),
        "after": release(),
    }
    return entry_of(Landing(**(given | changes)))


def test_trailers_say_what_it_was() -> None:
    found = entry()
    assert (found.id, found.kind, found.source) == ("c" * 12, PromotionKind.PROMOTION, "dev")
    assert found.trailers["Fleet-Gate"] == ("health(dev)=passed",)
    assert found.subject == "Promote web 1.1.0 to prod"


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "Bump web"},
        {"environment": "staging"},
        {"app": "api"},
        {"after": release("1.2.0")},
        {"after": release(revision=OLD)},
        {"after": None},
        {"message": MESSAGE.replace("Fleet-Kind: promotion", "Fleet-Kind: manual")},
        {"message": MESSAGE.replace("Fleet-Kind: promotion", "Fleet-Kind: magic")},
    ],
)
def test_trailers_that_do_not_agree_with_the_change_are_not_believed(changes: dict[str, Any]) -> None:
    found = entry(**changes)
    assert (found.kind, found.source, found.trailers) == (PromotionKind.MANUAL, None, {})


def test_a_merge_of_another_forge_says_what_its_head_says() -> None:
    found = entry(
        message="Merge pull request #12 from x/y\n\nPromote", merged_message=MESSAGE, merged_author="Ada <a@a>"
    )
    assert (found.kind, found.pull_request) == (PromotionKind.PROMOTION, 12)
    assert (found.author, found.landed_by) == ("Ada <a@a>", "Bob <b@b>")
    assert found.subject == "Promote web 1.1.0 to prod"


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("Merge pull request #7: Promote\n\nFleet-Pull-Request: 7", 7),
        ("Merge branch 'x' into 'main'\n\nPromote\n\nSee merge request group/fleet!31", 31),
        ("Promote web (#8)", 8),
        ("Fix #9 and others", None),
        ("Something\n\nFleet-Pull-Request: 0x7", None),
    ],
)
def test_the_number_of_the_pull_request(message: str, number: int | None) -> None:
    assert entry(message=message).pull_request == number


A, B, Z = release("1.0.0"), release("1.1.0"), release("0.9.0")


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ([], []),
        ([None, A], [A]),
        ([Z, A, B], [Z, A, B]),
        ([Z, A, B, A], [Z, A]),
        ([Z, A, B, A, B], [Z, A, B]),
        ([Z, A, None, A], [Z, A]),
        ([Z, A, B, Z], [Z]),
    ],
)
def test_what_was_gone_back_from_is_not_what_was_before(held: list[Any], line: list[Any]) -> None:
    assert release_line(held) == tuple(line)


def test_entries_are_found_by_version_commit_and_revision() -> None:
    newer = entry(commit="d" * 40, after=release("1.2.0", "3" * 40))
    entries = [newer, entry(), entry(commit="e" * 40, after=release())]
    assert find_entry(entries, "1.1.0") is entries[1]
    assert find_entry(entries, "e" * 7) is entries[2]
    assert find_entry(entries, "3" * 10) is newer
    assert find_entry(entries, "e" * 6) is None
    assert find_entry(entries, "9.9.9") is None
