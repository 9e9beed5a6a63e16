"""The ledger of decisions: append-only, hash-chained, kept beside the branches for everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fleet.model.ledger import LedgerDraft, LedgerEntry, LedgerHead


@dataclass(frozen=True, slots=True)
class LedgerBatch:
    """What one commit of the ledger holds, as it is stored; for those who check it."""

    commit: str
    parents: tuple[str, ...]
    lines: tuple[str, ...]
    """`<hash> <canonical JSON>`, oldest first."""


class LedgerReader(Protocol):
    """Reads the ledger as it was last fetched."""

    def head(self) -> LedgerHead | None:
        """Return where it ends; None: there is no ledger yet.

        Raises:
            LedgerError: what is there is not a ledger.
        """
        ...

    def entries(self) -> Iterator[LedgerEntry]:
        """Yield entries, newest first.

        Raises:
            LedgerError: an entry cannot be read.
        """
        ...

    def batches(self) -> Sequence[LedgerBatch]:
        """Return everything as it is stored, oldest first."""
        ...

    def has(self, key: str) -> bool:
        """Say whether there is an entry with this key. Reads a small part of the index, never the entries."""
        ...

    def index(self) -> dict[str, int]:
        """Return the sequence number of every key, as the index has it."""
        ...

    def seen(self) -> LedgerHead | None:
        """Return where it ended when this clone last saw it; None: it never did, or was made to forget."""
        ...

    def rewritten(self) -> str:
        """Return how it was rewritten since this clone last saw it; empty if it only grew."""
        ...

    def remember(self) -> None:
        """Take what is there now for what this clone has seen, also if it was rewritten."""
        ...


class LedgerWriter(LedgerReader, Protocol):
    """Appends to the ledger."""

    def append(self, drafts: Sequence[LedgerDraft]) -> Sequence[LedgerEntry]:
        """Append entries, all or none, and return those that were not there yet.

        A compare-and-swap that starts over where somebody was faster. Idempotent by the entries' keys.

        Raises:
            UnreachableError: the remote cannot be reached.
            LedgerError: the ledger was rewritten since this clone last saw it, or is not one.
            ConflictError: others write to it all the time.
        """
        ...
