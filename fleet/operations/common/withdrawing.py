"""Rejections, and the pull requests that would bring a rejected release somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fleet.engine.lines import one_line
from fleet.errors import FleetError, ForgeError
from fleet.model.events import Level, Message
from fleet.model.pull_request import PullRequest
from fleet.model.release import Release
from fleet.model.restriction import Proposal, Rejection
from fleet.ports.config import PinEditor
from fleet.ports.forge import Forge
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader

_PIN = re.compile(r"environments/[^/]+/apps/(?P<app>[^/]+)\.yaml")


def proposed(
    requests: Iterable[PullRequest], app: str, *, repository: RepositoryReader, pin_editor: PinEditor
) -> Iterator[tuple[PullRequest, Release]]:
    """Yield each open pull request that changes the release of an app, with the release that it brings.

    What it changes counts, not how its branch is called: one that a person wrote by hand is found too. One whose files
    cannot be read is passed over; the gates judge it before it is merged.
    """
    for request in requests:
        try:
            yield from _releases(request, app, repository, pin_editor)
        except FleetError:
            continue


def _releases(
    request: PullRequest, app: str, repository: RepositoryReader, pin_editor: PinEditor
) -> Iterator[tuple[PullRequest, Release]]:
    if not repository.has(request.head):
        repository.fetch()
    base = repository.head_of(request.base_branch)
    if base is None:
        return
    for path in repository.changed_paths(base, request.head):
        found = _PIN.fullmatch(path)
        if found is None or found["app"] != app or repository.tree_id(request.head, path) is None:
            continue
        release = pin_editor.read(repository.read_file(request.head, path), path)
        if release is not None:
            yield request, release


def bringing(requests: Iterable[tuple[PullRequest, Release]], version: str, revision: str) -> tuple[PullRequest, ...]:
    """Return those pull requests that bring one release; each once."""
    found = {r.number: r for r, release in requests if (release.version, release.revision) == (version, revision)}
    return tuple(found.values())


def withdraw(
    requests: Sequence[PullRequest], rejection: Rejection, *, forge: Forge, reporter: Reporter
) -> tuple[Proposal, ...]:
    """Close pull requests, with the reason as a comment. One that somebody merged or closed meanwhile is told."""
    closed = []
    for request in requests:
        try:
            forge.close(request.number, _comment(rejection))
        except ForgeError as error:
            reporter.emit(Message(Level.WARN, f"#{request.number} was not closed: {error.message}"))
            continue
        closed.append(Proposal(number=request.number, title=request.title, url=request.url))
    return tuple(closed)


def _comment(rejection: Rejection) -> str:
    return (
        f"Withdrawn: {one_line(rejection.owner)} rejected `{rejection.app}` {rejection.version} "
        f"(`{rejection.revision[:7]}`).\n\n{one_line(rejection.reason, 1_000)}"
    )
