"""A process that appends to a ledger: `python -m tests.unit.ledger.appending CLONE NAME BATCHES ENTRIES`."""

from __future__ import annotations

import sys
from pathlib import Path

from fleet.adapters.git.repository import GitRepository
from fleet.adapters.ledger.ledger import GitLedger
from fleet.engine.ledger import key_of
from fleet.model.ledger import EntryKind, LedgerDraft
from tests.helpers.promoting import Clock


def main(root: Path, name: str, batches: int, entries: int) -> None:
    """Append batches of entries, one after the other."""
    repository = GitRepository(root)
    ledger = GitLedger(repository, Clock(), root / ".fleet" / "ledger.json")
    for batch in range(batches):
        keys = [key_of("test", f"{name}-{batch}-{number}") for number in range(entries)]
        ledger.append([LedgerDraft(kind=EntryKind.OPENED, key=key) for key in keys])
    repository.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
