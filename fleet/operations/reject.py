"""Reject a release: it goes nowhere any more, and what would have brought it is withdrawn."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fleet.engine.names import require_known
from fleet.errors import UsageError
from fleet.model.fleet import Fleet
from fleet.model.pull_request import PullRequest
from fleet.model.release import Release
from fleet.model.restriction import LiveRelease, Proposal, Rejection, RejectionReport
from fleet.operations.common.history import pin_history
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.reasons import checked_reason
from fleet.operations.common.withdrawing import bringing, proposed, withdraw
from fleet.ports.clock import Clock
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.forge import Forge, ForgeReader
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader
from fleet.ports.restrictions import RestrictionWriter

SEVERAL = "FLT-RST-020"
_REVISION = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Prepared:
    """What rejecting would do."""

    rejection: Rejection
    proposals: tuple[PullRequest, ...]
    live: tuple[LiveRelease, ...]

    @property
    def withdrawals(self) -> tuple[Proposal, ...]:
        """Pull requests that would be closed."""
        return tuple(Proposal(number=r.number, title=r.title, url=r.url) for r in self.proposals)

    def report(self, *, changed: bool, withdrawn: Iterable[Proposal] = ()) -> RejectionReport:
        """Return it as a report."""
        return RejectionReport(rejection=self.rejection, changed=changed, withdrawn=tuple(withdrawn), live=self.live)


def prepare(
    app: str,
    version: str,
    reason: str,
    *,
    repository: RepositoryReader,
    loader: FleetLoader,
    pin_editor: PinEditor,
    forge: ForgeReader,
    branch: str,
    clock: Clock,
) -> Prepared:
    """Return what rejecting a release would do. Writes nothing.

    Args:
        app: name of the app.
        version: version of the release, or at least seven digits of its revision.
        reason: why, for everybody who meets it.
        repository: the fleet and its history.
        loader: reads it.
        pin_editor: reads pins.
        forge: asked for pull requests that would bring it.
        branch: the protected branch.
        clock: tells the time.

    Raises:
        UsageError: a name is not known, or the version was given to several revisions.
    """
    fleet, tree = load_fleet(repository, loader, branch)
    require_known("app", app, fleet.apps)
    why = checked_reason(reason)
    requests = tuple(proposed(forge.list(), app, repository=repository, pin_editor=pin_editor))
    history = pin_history(tree.revision or "", repository=repository, pin_editor=pin_editor, app=app)
    known = [*(release for _, release in requests), *(entry.after for entry in history if entry.after is not None)]
    release = _find(app, version, known)
    rejection = Rejection(
        app=app,
        version=release.version,
        revision=release.revision,
        owner=repository.identity,
        reason=why,
        created=clock.now().replace(microsecond=0),
    )
    return Prepared(
        rejection,
        bringing(requests, release.version, release.revision),
        tuple(_live(fleet, release, app)),
    )


def execute(
    prepared: Prepared, *, restrictions: RestrictionWriter, forge: Forge, reporter: Reporter
) -> RejectionReport:
    """Reject it, then withdraw what would have brought it. Killed in between, the same again does the rest."""
    written = restrictions.reject(prepared.rejection)
    closed = withdraw(prepared.proposals, written.value, forge=forge, reporter=reporter)
    report = prepared.report(changed=written.changed, withdrawn=closed)
    return report.model_copy(update={"rejection": written.value})


def _find(app: str, version: str, known: Iterable[Release]) -> Release:
    """Return the one release that a person means."""
    releases = {(r.version, r.revision): r for r in known}
    found = [r for r in releases.values() if r.version == version]
    if not found and _REVISION.fullmatch(version):
        found = [r for r in releases.values() if r.revision.startswith(version)]
    if not found:
        require_known(f"release of `{app}` called", version, (r.version for r in releases.values()))
    if len(found) > 1:
        names = ", ".join(r.short for r in found[:5])
        raise UsageError(
            f"`{version}` of `{app}` is several releases: {names}",
            code=SEVERAL,
            hints=tuple(f"fleet reject {app}@{_distinct(r, version)} --reason TEXT" for r in found[:5]),
        )
    return found[0]


def _distinct(release: Release, asked: str) -> str:
    return release.revision[:12] if release.version == asked else release.version


def _live(fleet: Fleet, release: Release, app: str) -> Iterable[LiveRelease]:
    for name, environment in fleet.environments.items():
        pin = environment.pins.get(app)
        there = pin.release if pin is not None else None
        if there is not None and (there.version, there.revision) == (release.version, release.revision):
            command = f"fleet rollback {app} --env {name}"
            yield LiveRelease(environment=name, clusters=len(environment.clusters), command=command)
