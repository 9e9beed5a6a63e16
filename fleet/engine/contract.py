"""The promotion contract: what a release may carry is what `app.yaml` declares."""

from __future__ import annotations

from fleet.engine.values import covers
from fleet.model.declared import AppSpec
from fleet.model.release import Release


def undeclared_images(release: Release, app: AppSpec) -> tuple[str, ...]:
    """Return the names of images that a release sets and the app does not declare."""
    return tuple(name for name in sorted(release.images) if name not in app.images)


def undeclared_values(release: Release, app: AppSpec) -> tuple[str, ...]:
    """Return the dotted paths that a release carries and the app does not declare promotable."""
    return tuple(path for path in sorted(release.values) if not covers(app.promotable, path))
