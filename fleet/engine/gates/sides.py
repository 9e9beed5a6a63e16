"""The releases of a case as sides of compatibility: what would run beside what."""

from __future__ import annotations

from fleet.engine.compatibility import Side
from fleet.engine.gates.case import Case


def sides(case: Case, environment: str, without: str = "") -> dict[str, Side]:
    """Return the release of each app that is pinned in an environment, and whose `app.yaml` is known."""
    return {
        app: Side(app, version_in(case, environment, app), spec)
        for (where, app), spec in case.specs.items()
        if where == environment and app != without
    }


def side_after(case: Case) -> Side | None:
    """Return the release that is to be promoted; None if its `app.yaml` is not known."""
    spec = case.specs.get((case.environment, case.app))
    return Side(case.app, case.after.version, spec) if spec is not None else None


def side_before(case: Case) -> Side | None:
    """Return the release that is there now; None if there is none, or its `app.yaml` is not known."""
    if case.before is None or case.specs_before is None:
        return None
    return Side(case.app, case.before.version, case.specs_before)


def version_in(case: Case, environment: str, app: str) -> str:
    """Return the version of an app in an environment; of one that follows a branch, the branch."""
    place = case.fleet.environments[environment]
    pin = place.pins.get(app)
    if pin is not None and pin.release is not None:
        return pin.release.version
    return f"of `{place.spec.track}`" if place.spec.track else ""


def has_release(case: Case, environment: str, app: str) -> bool:
    """Say whether an environment has a release of an app."""
    place = case.fleet.environments[environment]
    pin = place.pins.get(app)
    return pin is not None and (pin.release is not None or place.spec.track is not None)
