"""The ledger as a chain of commits on ``refs/fleet/ledger`` of the remote.

One commit holds one batch of entries, as lines in its message (:mod:`fleet.engine.ledger`), so that one ``git log``
reads everything, and what is there is never written again. The commit's tree is an index: 256 files, by the first two
digits of a key, with a line ``<key> <sequence>`` for each entry. An append reads the newest commit and the files that
belong to its own keys, and nothing else.

Every append is one push with a lease on the ref. If somebody was faster, it starts over on top of what is there now: an
entry whose key is in the index by then is not appended again. A process that dies before the push has changed nothing;
one that dies after it finds its entries when it is run again.

Where the ledger ended when this clone last saw it is kept in a file of the clone. A ledger that does not contain that
any more was rewritten, and nothing is appended to it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from fleet.engine.ledger import NOT_A_LEDGER, START, chain, lines_in, message_of, parse
from fleet.errors import ConflictError, FleetError, GitError, LedgerError
from fleet.failpoints import failpoint
from fleet.files import write_atomically
from fleet.model.ledger import LedgerDraft, LedgerEntry, LedgerHead
from fleet.ports.clock import Clock
from fleet.ports.ledger import LedgerBatch
from fleet.ports.repository import RefUpdate, RepositoryWriter

REF = "refs/fleet/ledger"
REWRITTEN = "FLT-LED-003"
BUSY = "FLT-LED-004"
_ATTEMPTS = 200
"""How often an append starts over; each time somebody else got something appended."""
_LONGEST_PAUSE = 0.25
"""Seconds."""


class GitLedger:
    """The ledger of one fleet.

    Args:
        repository: where it is kept.
        clock: says when entries are made.
        memory: file in which this clone remembers where the ledger ended; it may be deleted.
    """

    def __init__(self, repository: RepositoryWriter, clock: Clock, memory: Path) -> None:
        self._repository = repository
        self._clock = clock
        self._memory = memory

    # ── reading ──

    def head(self) -> LedgerHead | None:
        """Return where it ends."""
        tip = self._tip()
        return self._head_at(tip) if tip else None

    def entries(self) -> Iterator[LedgerEntry]:
        """Yield entries, newest first."""
        tip = self._tip()
        for commit in self._repository.log(tip) if tip else ():
            yield from (parse(line) for line in reversed(lines_in(commit.message)))

    def batches(self) -> Sequence[LedgerBatch]:
        """Return everything as it is stored, oldest first."""
        tip = self._tip()
        log = [*self._repository.log(tip)] if tip else []
        return tuple(LedgerBatch(c.id, c.parents, lines_in(c.message)) for c in reversed(log))

    def has(self, key: str) -> bool:
        """Say whether there is an entry with this key."""
        tip = self._tip()
        return tip is not None and key in self._bucket(tip, _bucket_of(key))

    def index(self) -> dict[str, int]:
        """Return the sequence number of every key."""
        tip = self._tip()
        if tip is None:
            return {}
        tree = self._repository.tree(tip)
        files = tree.read_many([entry.path for entry in tree.entries()])
        return {key: number for content in files.values() for key, number in _parse_bucket(content).items()}

    def seen(self) -> LedgerHead | None:
        """Return where it ended when this clone last saw it."""
        try:
            found: LedgerHead = LedgerHead.model_validate_json(self._memory.read_bytes())
        except (OSError, ValidationError):
            return None
        return found

    def rewritten(self) -> str:
        """Return how it was rewritten since this clone last saw it."""
        seen = self.seen()
        return self._how_rewritten(seen, self._tip()) if seen else ""

    def remember(self) -> None:
        """Take what is there now for what this clone has seen."""
        head = self.head()
        if head is None:
            self._memory.unlink(missing_ok=True)
        else:
            self._write_memory(head)

    # ── writing ──

    def append(self, drafts: Sequence[LedgerDraft]) -> Sequence[LedgerEntry]:
        """Append entries, all or none, and return those that were not there yet."""
        lost: ConflictError | None = None
        for number in range(_ATTEMPTS):
            tip = self._trusted_tip()
            new = self._new(drafts, tip)
            if not new:
                return ()
            try:
                return self._append(new, tip)
            except ConflictError as error:
                lost = error
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * (number + 1))))  # noqa: S311 - jitter
                self._repository.fetch()
        raise ConflictError(
            "the ledger is being written to by others all the time", code=BUSY, hints=("run the command again",)
        ) from lost

    def _append(self, drafts: Sequence[LedgerDraft], tip: str | None) -> Sequence[LedgerEntry]:
        head = self._head_at(tip) if tip else None
        entries = chain(
            drafts,
            previous=head.hash if head else START,
            sequence=head.sequence if head else 0,
            actor=self._repository.identity,
            time=self._clock.now(),
        )
        files: dict[str, bytes] = {}
        for entry in entries:
            name = _bucket_of(entry.key)
            present = files.get(name) or (self._read(tip, name) if tip else b"")
            files[name] = present + f"{entry.key} {entry.sequence}\n".encode()
        commit = self._repository.commit([tip] if tip else [], files, message_of(entries))
        failpoint("ledger.before-push")
        self._repository.push([RefUpdate(REF, tip, commit)])
        failpoint("ledger.after-push")
        self._write_memory(LedgerHead(commit=commit, sequence=entries[-1].sequence, hash=entries[-1].hash))
        return entries

    def _new(self, drafts: Sequence[LedgerDraft], tip: str | None) -> list[LedgerDraft]:
        """Return the drafts that are not there yet, each key once."""
        wanted = {draft.key: draft for draft in drafts}
        if tip is None:
            return list(wanted.values())
        return [draft for key, draft in wanted.items() if key not in self._bucket(tip, _bucket_of(key))]

    def _trusted_tip(self) -> str | None:
        """Return the newest commit that is known here, if it contains what this clone saw before.

        Raises:
            LedgerError: it was rewritten.
        """
        seen = self.seen()  # before the fetch: what was seen then has to be there now
        tip = self._tip()
        if seen is None or tip == seen.commit:
            return tip
        if self._how_rewritten(seen, tip):
            self._repository.fetch()  # what is here may only be old
            tip = self._tip()
            how = self._how_rewritten(seen, tip)
            if how:
                raise LedgerError(
                    f"the ledger on the remote was rewritten: {how}",
                    code=REWRITTEN,
                    hints=("fleet audit verify", "if that was meant to happen: `fleet audit verify --accept`"),
                )
        return tip

    def _how_rewritten(self, seen: LedgerHead, tip: str | None) -> str:
        if tip is None:
            return f"it is gone; it had {seen.sequence} entries when this clone last saw it"
        contains = tip == seen.commit
        if not contains and self._repository.has(seen.commit):
            contains = self._repository.is_ancestor(seen.commit, tip)
        if contains:
            return ""
        return f"it does not contain entry {seen.sequence} ({seen.commit[:12]}), where it ended when this clone saw it"

    # ── git ──

    def _tip(self) -> str | None:
        return self._repository.known_ref(REF)

    def _head_at(self, tip: str) -> LedgerHead:
        lines = lines_in(next(self._repository.log(tip, limit=1)).message)
        if not lines:
            raise LedgerError(f"`{REF}` does not end with an entry", code=NOT_A_LEDGER, hints=("fleet audit verify",))
        last = parse(lines[-1])
        return LedgerHead(commit=tip, sequence=last.sequence, hash=last.hash)

    def _bucket(self, tip: str, name: str) -> dict[str, int]:
        return _parse_bucket(self._read(tip, name))

    def _read(self, tip: str, name: str) -> bytes:
        if self._repository.tree_id(tip, name) is None:
            return b""
        try:
            return self._repository.read_file(tip, name)
        except GitError as error:
            raise LedgerError(f"`{name}` in the index of the ledger cannot be read", code=NOT_A_LEDGER) from error

    def _write_memory(self, head: LedgerHead) -> None:
        """Remember; a clone in which nothing can be written knows less, and goes on."""
        with suppress(OSError, FleetError):
            write_atomically(self._memory, head.model_dump_json())


def _bucket_of(key: str) -> str:
    return key[:2]


def _parse_bucket(content: bytes) -> dict[str, int]:
    """Return sequence numbers by key.

    Raises:
        LedgerError: it is something else.
    """
    try:
        pairs = (line.split(" ") for line in content.decode("ascii").splitlines())
        return {key: int(number) for key, number in pairs}
    except ValueError as error:
        raise LedgerError(
            "the index of the ledger is damaged", code=NOT_A_LEDGER, hints=("fleet audit verify",)
        ) from error
