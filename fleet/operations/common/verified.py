"""Remembers in the ledger which releases were healthy on all clusters of an environment, for the first time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from fleet.engine.ledger import canonical, key_of
from fleet.errors import FleetError
from fleet.model.events import Level, Message
from fleet.model.fleet import Fleet
from fleet.model.health import HealthStatus, TargetHealth
from fleet.model.ledger import EntryKind, LedgerDraft
from fleet.model.names import Target
from fleet.model.release import Release
from fleet.model.state import DesiredState
from fleet.ports.ledger import LedgerReader, LedgerWriter
from fleet.ports.reporter import Reporter


def known_healthy(environment: str, app: str, *, ledger: LedgerReader) -> tuple[Release, ...]:
    """Return releases of an app that were healthy on all clusters of an environment; the newest to become so first.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    found: list[Release] = []
    for entry in ledger.entries():
        if (entry.kind, entry.environment, entry.app) == (EntryKind.VERIFIED, environment, app):
            try:
                found.append(Release.model_validate(entry.data.get("release")))
            except ValidationError:
                continue  # a release of a form that this version does not know
    return tuple(found)


def remember_healthy(
    fleet: Fleet,
    desired: Mapping[Target, DesiredState],
    health: Mapping[Target, TargetHealth],
    *,
    ledger: LedgerWriter,
    reporter: Reporter,
) -> None:
    """Append each release that is healthy on all clusters of its environment, unless it is there already.

    Only a release that is new there costs more than a look into the index. A ledger that cannot be written is told as
    a warning: what was reconciled stays so, and the next run appends it.

    Args:
        fleet: the fleet that was reconciled.
        desired: desired states of the targets that were looked at.
        health: of these targets, at exactly these states.
        ledger: where it goes.
        reporter: is told if it does not get there.
    """
    try:
        new = [draft for draft in _verified(fleet, desired, health) if not ledger.has(draft.key)]
        if new:
            ledger.append(new)
    except FleetError as error:
        text = f"that releases became healthy could not be recorded in the ledger: {error.message}"
        reporter.emit(Message(Level.WARN, text))


def _verified(
    fleet: Fleet, desired: Mapping[Target, DesiredState], health: Mapping[Target, TargetHealth]
) -> Iterator[LedgerDraft]:
    for environment in fleet.environments.values():
        if environment.spec.track is not None:
            continue  # it follows a branch, and every commit would be a release
        for app in environment.pins:
            release = _everywhere([Target(app, environment.name, c) for c in environment.clusters], desired, health)
            if release is None:
                continue
            data = release.model_dump(mode="json", by_alias=True)
            yield LedgerDraft(
                kind=EntryKind.VERIFIED,
                key=key_of(EntryKind.VERIFIED, environment.name, app, canonical(data)),
                app=app,
                environment=environment.name,
                data={"release": data, "clusters": list(environment.clusters)},
            )


def _everywhere(
    targets: Sequence[Target], desired: Mapping[Target, DesiredState], health: Mapping[Target, TargetHealth]
) -> Release | None:
    """Return the release that all targets have and are healthy at; None if there is none."""
    found: Release | None = None
    for target in targets:
        state, seen = desired.get(target), health.get(target)
        if state is None or state.release is None or seen is None or found not in (None, state.release):
            return None
        if not seen.exact or seen.status is not HealthStatus.HEALTHY:
            return None
        found = state.release
    return found
