"""The chain of the ledger: its one form, its hashes, and what breaks it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.ledger import START, canonical, chain, faults, key_of, line_of, lines_in, message_of, parse
from fleet.errors import LedgerError
from fleet.model.ledger import EntryKind, LedgerDraft, LedgerEntry

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ADA = "Ada <ada@example.com>"
CONCEPT = Path(__file__).resolve().parents[3] / "docs" / "concepts" / "ledger.md"


def drafts(count: int) -> list[LedgerDraft]:
    return [
        LedgerDraft(kind=EntryKind.OPENED, key=key_of("opened", str(n)), app="web", environment="prod", data={"n": n})
        for n in range(count)
    ]


def made(count: int, previous: str = START, sequence: int = 0) -> tuple[LedgerEntry, ...]:
    return chain(drafts(count), previous=previous, sequence=sequence, actor=ADA, time=NOW)


def check(entries: Sequence[LedgerEntry] | Sequence[str]) -> list[str]:
    lines = [one if isinstance(one, str) else line_of(one) for one in entries]
    index: dict[str, int] = {}
    for line in lines:
        body = json.loads(line.partition(" ")[2])
        index.setdefault(body["key"], body["sequence"])
    return [f"{fault.where}: {fault.what}" for fault in faults([("c" * 40, lines)], index)]


def test_the_vectors_of_the_documentation() -> None:
    """Every line of `docs/concepts/ledger.md` that looks like an entry is one, and carries its hash."""
    lines = re.findall(r"^[0-9a-f]{64} \{.*\}$", CONCEPT.read_text(), flags=re.MULTILINE)
    assert len(lines) == 2
    assert check(lines) == []
    for line in lines:
        assert sha256(line[65:].encode()).hexdigest() == line[:64]
        assert line_of(parse(line)) == line


def test_canonical_json() -> None:
    value = {"b": [1, 2.5, True, None], "a": "ä\n\U0001f600", "Z": {}}
    assert canonical(value) == r'{"Z":{},"a":"\u00e4\n\ud83d\ude00","b":[1,2.5,true,null]}'
    for bad in (float("nan"), float("inf"), {1: "x"}, [{None: 1}]):
        with pytest.raises(ValueError, match=r"JSON|text"):
            canonical(bad)


def test_entries_follow_each_other() -> None:
    entries = made(3)
    assert [e.sequence for e in entries] == [1, 2, 3]
    assert [e.previous for e in entries] == [START, entries[0].hash, entries[1].hash]
    assert check(entries) == []
    assert check((*entries, *made(0, entries[-1].hash, 3))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ls: [ls[0], ls[1].replace('"n":1', '"n":7'), ls[2]], "entry 2: its content does not have the hash"),
        (lambda ls: [ls[0], ls[2]], "entry 3: it does not follow the entry before it"),
        (lambda ls: [ls[1], ls[2]], "entry 2: it does not follow the entry before it"),
        (lambda ls: [ls[0], ls[2], ls[1]], "entry 3: it does not follow the entry before it"),
        (lambda ls: [*ls, ls[0]], "entry 1: it repeats entry 1"),
        (lambda ls: [ls[0], ls[1].replace('"n":1', '"n": 1'), ls[2]], "entry 2: it is not in canonical form"),
    ],
)
def test_what_breaks_the_chain(change: Any, said: str) -> None:
    lines = [line_of(entry) for entry in made(3)]
    assert any(text.startswith(said) for text in check(change(lines)))


def test_the_index_has_to_agree() -> None:
    lines = [line_of(entry) for entry in made(2)]
    (fault,) = faults([("c" * 40, lines)], {parse(lines[0]).key: 1, "0" * 40: 2})
    assert fault.where == "index"


def test_lines_that_are_not_entries() -> None:
    line = line_of(made(1)[0])
    for bad in ("", "x", f"{'0' * 64} {{}}", f"{line[:65]}[{'[' * 5000}", line.replace('"kind"', '"kinds"')):
        with pytest.raises(LedgerError) as caught:
            parse(bad)
        assert caught.value.code == "FLT-LED-001"
    with pytest.raises(LedgerError) as caught:
        parse(line.replace('"form":1', '"form":2'))
    assert caught.value.code == "FLT-LED-002"
    assert any("it holds no entry" in fault.what for fault in faults([("c" * 40, [])], {}))


def test_a_message_holds_what_is_read_back() -> None:
    entries = made(2)
    message = message_of(entries)
    assert message.splitlines()[0] == "Ledger 1-2: opened web prod and 1 more"
    assert [parse(line) for line in lines_in(message)] == list(entries)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=5), st.text(), st.datetimes())
def test_any_chain_is_read_back_and_any_flipped_character_is_found(
    data: list[dict[str, Any]], actor: str, time: datetime
) -> None:
    wanted = [LedgerDraft(kind=EntryKind.MERGED, key=key_of("k", str(n)), data=d) for n, d in enumerate(data)]
    entries = chain(wanted, previous=START, sequence=0, actor=actor, time=time.replace(tzinfo=UTC))
    lines = list(lines_in(message_of(entries)))
    assert len(lines) == len(entries)
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert [parse(line) for line in lines] == list(entries)
    assert check(lines) == []
    at = len(lines[0]) // 2
    damaged = lines[0][:at] + ("1" if lines[0][at] != "1" else "2") + lines[0][at + 1 :]
    assert list(faults([("c" * 40, [damaged, *lines[1:]])], {e.key: e.sequence for e in entries}))
