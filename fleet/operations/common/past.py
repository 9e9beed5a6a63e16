"""The whole history of pins, with what people changed by hand told apart: releases, promotions, rollbacks."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.engine.backfill import infer
from fleet.errors import GitError, UnreachableError
from fleet.model.events import Level, Message
from fleet.model.promotion import HistoryEntry
from fleet.operations.common.history import pin_history
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader

NO_BRANCH = "FLT-PRM-020"


def protected_head(repository: RepositoryReader, branch: str, reporter: Reporter, *, fetch: bool) -> str:
    """Return the head of the protected branch; as it was last fetched, if the remote cannot be reached.

    Raises:
        GitError: there is no such branch.
    """
    if fetch:
        try:
            repository.fetch()
        except UnreachableError as error:
            reporter.emit(Message(Level.WARN, f"this is the history as last fetched: {error.message}"))
    head = repository.head_of(branch)
    if head is None:
        raise GitError(
            f"the protected branch `{branch}` is not there", code=NO_BRANCH, hints=(f"git push origin {branch}",)
        )
    return head


def sources(head: str, *, repository: RepositoryReader, loader: FleetLoader) -> Mapping[str, str | None]:
    """Return the environment that each environment is promoted from, in the order of the pipeline.

    A fleet that cannot be loaded has none: then nothing is taken for a promotion.
    """
    fleet = loader.load(repository.tree(head)).fleet
    return {name: e.spec.promotes_from for name, e in fleet.environments.items()} if fleet is not None else {}


def whole_history(
    head: str,
    order: Mapping[str, str | None],
    *,
    repository: RepositoryReader,
    pin_editor: PinEditor,
    app: str | None = None,
) -> tuple[HistoryEntry, ...]:
    """Return every change of a pin (of one app), newest first.

    Args:
        head: head of the protected branch.
        order: environment that each environment is promoted from.
        repository: where it is.
        pin_editor: reads pins.
        app: only this one.
    """
    return infer(tuple(pin_history(head, repository=repository, pin_editor=pin_editor, app=app)), order)
