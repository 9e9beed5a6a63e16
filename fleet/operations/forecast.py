"""Say what promotions could happen, what is in their way, and from when on. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fleet.engine.names import require_known
from fleet.model.fleet import Fleet
from fleet.model.forecast import Forecast, Outlook
from fleet.model.pull_request import PullRequestState
from fleet.operations import promote
from fleet.operations.common.deciding import Wishes
from fleet.operations.common.desk import Desk
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.planning import Planned, error_data
from fleet.operations.pull_requests import review_pull_request


def forecast(
    desk: Desk,
    *,
    at: datetime | None = None,
    environments: Sequence[str] = (),
    apps: Sequence[str] = (),
) -> Forecast:
    """Return every promotion that has something to move, with the verdict of each gate.

    Args:
        desk: the ports.
        at: the time to work it out for; None: now. What is observed is what there is now.
        environments: only promotions into these.
        apps: only these.

    Raises:
        UsageError: a name is not known.
        ConfigError: the fleet cannot be loaded.
    """
    fleet, _ = load_fleet(desk.repository, desk.loader, desk.branch)
    for name in environments:
        require_known("environment", name, fleet.environments)
    for name in apps:
        require_known("app", name, fleet.apps)
    outlooks: list[Outlook] = []
    for name, moving in waiting(fleet, environments, apps).items():
        together = fleet.environments[name].spec.policy.queue == "train"
        outlooks += outlooks_of(desk, name, moving, at, together=together)
    return Forecast(
        at=at or desk.senses.clock.now(),
        revision=fleet.revision or "",
        outlooks=tuple(one for one in outlooks if not one.nothing_to_do),
    )


def why(desk: Desk, app: str, environment: str, *, at: datetime | None = None) -> Outlook:
    """Return what is in the way of one app on its way into one environment.

    Raises:
        UsageError: a name is not known, or nothing is promoted into that environment.
        ConfigError: the fleet cannot be loaded.
    """
    fleet, _ = load_fleet(desk.repository, desk.loader, desk.branch)
    require_known("environment", environment, fleet.environments)
    if fleet.environments[environment].spec.policy.queue == "train":
        moving = waiting(fleet, [environment]).get(environment, [])
        train = outlooks_of(desk, environment, list(dict.fromkeys([app, *moving])), at, together=True)
        return next(one for one in train if one.app == app)
    (outlook,) = outlooks_of(desk, environment, [app], at)
    return outlook


def waiting(fleet: Fleet, environments: Sequence[str] = (), apps: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the apps that an environment has in another release than its source, by environment in pipeline order."""
    found: dict[str, list[str]] = {}
    for name, environment in fleet.environments.items():
        source = environment.spec.promotes_from
        if source is None or (environments and name not in environments):
            continue
        moving = [app for app in promote.differing(fleet, source, name) if not apps or app in apps]
        if moving:
            found[name] = moving
    return found


def outlooks_of(
    desk: Desk, environment: str, apps: Sequence[str], at: datetime | None = None, *, together: bool = False
) -> list[Outlook]:
    """Return how some apps stand on their way into an environment; with ``together``, as a train."""
    prepared = promote.prepare(
        apps,
        environment,
        None,
        Wishes(at=at, together=together),
        repository=desk.repository,
        loader=desk.loader,
        renderer=desk.renderer,
        senses=desk.senses,
        forge=desk.forge,
        pin_editor=desk.pin_editor,
        branch=desk.branch,
        reporter=desk.reporter,
    )
    return [_outlook(desk, planned, prepared.source, at) for planned in prepared.planned]


def _outlook(desk: Desk, planned: Planned, source: str, at: datetime | None) -> Outlook:
    found = Outlook(app=planned.app, environment=planned.environment, source=source, plan=planned.plan)
    if planned.error is not None or planned.plan is None:
        return found.model_copy(update={"error": error_data(planned.error) if planned.error else None})
    known = planned.pull_request
    if known is None and planned.train is not None:
        known = desk.forge.get(planned.train)
    if known is None or known.state is not PullRequestState.OPEN or planned.plan.nothing_to_do:
        return found.model_copy(update={"gates": planned.plan.gates})
    review = review_pull_request(
        known.number,
        at=at,
        forge=desk.forge,
        repository=desk.repository,
        loader=desk.loader,
        renderer=desk.renderer,
        pin_editor=desk.pin_editor,
        senses=desk.senses,
        branch=desk.branch,
    )
    return found.model_copy(update={"gates": review.gates, "pull_request": known.number})
