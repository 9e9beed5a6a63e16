"""Tags of images that say a version. Pure."""

from __future__ import annotations

from fleet.engine.versions import is_version

PLACE = "{version}"
"""Stands for the version in the form of a tag."""


def form_fault(form: str) -> str | None:
    """Return what is wrong with the form of tags; None if nothing is."""
    if form.count(PLACE) != 1:
        return f"`{form}` has to hold `{PLACE}` once, like `v{PLACE}` or `{PLACE}-alpine`"
    return None


def version_of(tag: str, form: str | None) -> str | None:
    """Return the version that a tag says; None if it says none.

    Tags have no `+`: as Helm does, `_` stands for it (https://helm.sh/docs/topics/registries/).

    Args:
        tag: the tag.
        form: what tags look like, with `{version}` in the place of the version; None: `{version}` or `v{version}`.
    """
    text = tag.removeprefix("v") if form is None else _inside(tag, form)
    if text is None:
        return None
    version = text.replace("_", "+", 1)
    return version if is_version(version) else None


def is_prerelease(version: str) -> bool:
    """Say whether a version is a pre-release."""
    return "-" in version.partition("+")[0]


def core(version: str) -> str:
    """Return a version without pre-release and build metadata."""
    return version.partition("+")[0].partition("-")[0]


def _inside(tag: str, form: str) -> str | None:
    before, _, after = form.partition(PLACE)
    if len(tag) < len(before) + len(after) or not tag.startswith(before) or not tag.endswith(after):
        return None
    return tag[len(before) : len(tag) - len(after)]
