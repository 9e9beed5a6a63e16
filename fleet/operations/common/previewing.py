"""Previews of targets: what the engine would change, by server-side dry run. This is all that a dry run can reach."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from fleet.errors import FleetError, UnreachableError
from fleet.model.change import ChangeSet
from fleet.model.events import Advanced
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.state import DesiredState
from fleet.ports.deployer import Deployer, DeployRequest
from fleet.ports.reporter import Reporter


@dataclass(frozen=True, slots=True)
class Preview:
    """What an apply of one target would change, or why that cannot be told."""

    changes: ChangeSet = field(default_factory=ChangeSet)
    error: str = ""
    hint: str = ""
    unreachable: bool = False
    warnings: tuple[str, ...] = ()


class Previewer:
    """The reading half of a deployer: every request it makes is a preview."""

    def __init__(self, deployer: Deployer, fleet: Fleet, timeout: float) -> None:
        self._deployer = deployer
        self._fleet = fleet
        self._timeout = timeout

    def previews(self, states: Sequence[DesiredState], parallelism: int, reporter: Reporter) -> dict[Target, Preview]:
        """Return the preview of each target, side by side; a fault of one is told in its preview."""

        def one(state: DesiredState) -> Preview:
            found = self._preview(state)
            reporter.emit(Advanced())
            return found

        if not states:
            return {}
        with ThreadPoolExecutor(min(len(states), parallelism), thread_name_prefix="preview") as pool:
            return {s.target: p for s, p in zip(states, pool.map(one, states), strict=True)}

    def _preview(self, state: DesiredState) -> Preview:
        request = DeployRequest(
            desired=state,
            cluster=self._fleet.clusters[state.target.cluster],
            timeout=self._timeout,
            fence=0,
            preview=True,
        )
        try:
            result = self._deployer.deploy(request, _ignore)
        except UnreachableError as error:
            return Preview(error=error.message, unreachable=True)
        except FleetError as error:
            return Preview(error=error.message, hint="\n".join(error.hints))
        return Preview(result.changes, result.error, result.hint, result.unreachable, result.warnings)


def _ignore(ref: ObjectRef, step: str) -> None:
    """Take the news of an object and do nothing."""
