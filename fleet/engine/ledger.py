"""The chain of the ledger: canonical JSON, hashes, and what is wrong with a chain. Pure.

An entry is kept as one line, ``<hash> <body>``. The body is JSON in one fixed form: keys sorted by code point, no white
space, everything outside of printable ASCII escaped as ``\\uXXXX`` (lower case), no NaN and no infinity. The hash is
SHA-256 over exactly these bytes. Each body holds the hash of the entry before. ``docs/concepts/ledger.md`` has test
vectors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from fleet.errors import LedgerError
from fleet.model.ledger import LedgerDraft, LedgerEntry

FORM = 1
"""Version of the form of a body; it stands in each."""
START = "0" * 64
"""What stands for the hash of the entry before the first."""
NOT_A_LEDGER = "FLT-LED-001"
_LINE = re.compile(r"(?P<hash>[0-9a-f]{64}) (?P<body>\{.*\})", re.ASCII)
_FIELDS = frozenset({"actor", "app", "data", "environment", "form", "key", "kind", "previous", "sequence", "time"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a chain."""

    where: str
    """Like `entry 12`, or `commit 4f1c2e0`."""
    what: str


def canonical(value: Any) -> str:
    """Return plain JSON data in the one form that is hashed.

    Raises:
        ValueError: a number is not finite, or a key is not text.
    """
    return json.dumps(_checked(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key_of(kind: str, *parts: str) -> str:
    """Return the key of an entry: equal for the same kind and parts, whenever and wherever it is made."""
    return sha256(canonical([kind, *parts]).encode()).hexdigest()[:40]


def digest(body: str) -> str:
    """Return the hash of a body."""
    return sha256(body.encode("ascii")).hexdigest()


def body_of(entry: LedgerEntry) -> str:
    """Return the canonical JSON of an entry, without its own hash."""
    return canonical(
        {
            "actor": entry.actor,
            "app": entry.app,
            "data": entry.data,
            "environment": entry.environment,
            "form": FORM,
            "key": entry.key,
            "kind": entry.kind.value,
            "previous": entry.previous,
            "sequence": entry.sequence,
            "time": time_text(entry.time),
        }
    )


def line_of(entry: LedgerEntry) -> str:
    """Return an entry as it is stored."""
    return f"{entry.hash} {body_of(entry)}"


def chain(
    drafts: Iterable[LedgerDraft], *, previous: str, sequence: int, actor: str, time: datetime
) -> tuple[LedgerEntry, ...]:
    """Return drafts as the entries that come after the one with this hash and sequence number."""
    entries = []
    for draft in drafts:
        sequence += 1
        entry = LedgerEntry(
            **draft.model_dump(), sequence=sequence, previous=previous, time=time, actor=actor, hash=START
        )
        previous = digest(body_of(entry))
        entries.append(entry.model_copy(update={"hash": previous}))
    return tuple(entries)


def parse(line: str) -> LedgerEntry:
    """Return the entry of a stored line. Whether its hash is right is for :func:`faults` to say.

    Raises:
        LedgerError: it is not an entry, or one of a newer form.
    """
    found = _LINE.fullmatch(line)
    try:
        data = json.loads(found["body"]) if found else None
        if isinstance(data, dict) and isinstance(data.get("form"), int) and data["form"] > FORM:
            raise LedgerError(
                f"the ledger holds entries of form {data['form']}, which a newer version of fleet wrote",
                code="FLT-LED-002",
                hints=("install that version",),
            )
        if found is None or not isinstance(data, dict) or data.keys() != _FIELDS:
            raise _not_an_entry(line)
        del data["form"]
        entry: LedgerEntry = LedgerEntry.model_validate({**data, "hash": found["hash"]})
    except (ValueError, ValidationError, RecursionError) as error:
        raise _not_an_entry(line) from error
    return entry


def lines_in(message: str) -> tuple[str, ...]:
    """Return the stored lines of a commit's message: all after its first paragraph."""
    return tuple(line for line in message.partition("\n\n")[2].split("\n") if line)


def message_of(entries: Sequence[LedgerEntry]) -> str:
    """Return the message of the commit that holds these entries."""
    first, last = entries[0], entries[-1]
    numbers = f"{first.sequence}" if first is last else f"{first.sequence}-{last.sequence}"
    about = " ".join(word for word in (first.kind.value, first.app, first.environment) if word)
    more = f" and {len(entries) - 1} more" if len(entries) > 1 else ""
    return "\n".join([f"Ledger {numbers}: {about}{more}", "", *(line_of(entry) for entry in entries)])


def faults(batches: Iterable[tuple[str, Sequence[str]]], index: Mapping[str, int]) -> Iterator[Fault]:
    """Yield everything that is wrong with a chain.

    Args:
        batches: commit and stored lines of each batch, oldest first.
        index: sequence number by key, as the index says.
    """
    previous, expected = START, 1
    keys: dict[str, int] = {}
    for commit, lines in batches:
        if not lines:
            yield Fault(f"commit {commit[:12]}", "it holds no entry")
        for line in lines:
            where = f"entry {expected}"
            try:
                entry = parse(line)
            except LedgerError as error:
                yield Fault(f"{where} in commit {commit[:12]}", error.message)
                previous, expected = line[:64], expected + 1
                continue
            where = f"entry {entry.sequence}"
            yield from _of_entry(entry, line, previous, expected, where)
            if entry.key in keys:
                yield Fault(where, f"it repeats entry {keys[entry.key]}")
            keys.setdefault(entry.key, entry.sequence)
            previous, expected = entry.hash, entry.sequence + 1
    if keys != index:
        wrong = sorted({s for _, s in keys.items() ^ index.items()})
        yield Fault("index", f"it does not say what the entries say: of entry {', '.join(map(str, wrong[:5]))}")


def time_text(time: datetime) -> str:
    """Return a time as it stands in a body: UTC, six digits of a second."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _of_entry(entry: LedgerEntry, line: str, previous: str, expected: int, where: str) -> Iterator[Fault]:
    body = line.partition(" ")[2]
    if digest(body) != entry.hash:
        yield Fault(where, "its content does not have the hash that it carries: it was changed")
    if not _is_canonical(entry, body):
        yield Fault(where, "it is not in canonical form")
    if entry.previous != previous:
        yield Fault(where, "it does not follow the entry before it: one was changed, removed or put in between")
    if entry.sequence != expected:
        yield Fault(where, f"{expected} would come next")


def _is_canonical(entry: LedgerEntry, body: str) -> bool:
    try:
        return body_of(entry) == body
    except ValueError:  # a number that is not finite, as `1e999` is read
        return False


def _checked(value: Any) -> Any:
    """Refuse what JSON would turn into something else without a word: keys that are not text."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"`{key}` is not text, and cannot be a key")
            _checked(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _checked(item)
    return value


def _not_an_entry(line: str) -> LedgerError:
    return LedgerError(f"`{line[:40]}…` is not an entry of a ledger", code=NOT_A_LEDGER, hints=("fleet audit verify",))
