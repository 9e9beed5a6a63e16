"""Writes a new fleet that works as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fleet.errors import FleetError, UsageError
from fleet.model.base import Report
from fleet.model.names import APP_NAME_LIMIT, is_label
from fleet.ports.scaffold import Scaffold, Templates

NOT_EMPTY = "FLT-INI-001"
WOULD_OVERWRITE = "FLT-INI-002"
BAD_NAME = "FLT-INI-003"


class InitReport(Report):
    """What was written, or would be."""

    directory: str
    name: str
    template: str
    branch: str
    files: tuple[str, ...]
    commits: tuple[str, ...] = ()
    """The commit of the apps, and the one of the pins that name it; none in a dry run."""


def init(
    directory: Path,
    *,
    template: str,
    name: str | None,
    contexts: Mapping[str, str],
    force: bool,
    dry_run: bool,
    templates: Templates,
    scaffold: Scaffold,
) -> InitReport:
    """Write a fleet into a directory and commit it.

    Args:
        directory: where; it is made if it is not there.
        template: which fleet to start from.
        name: name of the fleet; None takes the directory's, as far as it is one.
        contexts: kubeconfig context by cluster, instead of the sandbox.
        force: write into a directory that is not empty. No file is ever overwritten.
        dry_run: write nothing.
        templates: the fleets to start from.
        scaffold: writes and commits.

    Raises:
        UsageError: the name or template is not one.
        FleetError: the directory is not empty, or a file that is there would be overwritten.
    """
    chosen = _name(name, directory)
    there = scaffold.existing(directory)
    if there and not force:
        raise FleetError(
            f"`{directory}` is not empty: it holds {_listed(there)}",
            code=NOT_EMPTY,
            hints=("choose another directory, or add `--force`: files that are there stay as they are",),
        )
    branch = scaffold.branch(directory)
    content = templates.template(template, name=chosen, branch=branch, contexts=contexts)
    conflicts = scaffold.conflicts(directory, content)
    if conflicts:
        raise FleetError(
            f"`{directory}` already has {_listed(conflicts)}, and fleet overwrites nothing",
            code=WOULD_OVERWRITE,
            hints=("move the old files away first, or choose another directory",),
        )
    commits = () if dry_run else scaffold.write(directory, content)
    return InitReport(
        directory=str(directory),
        name=chosen or template,
        template=template,
        branch=branch or "main",
        files=content.paths(),
        commits=commits,
    )


def _name(name: str | None, directory: Path) -> str | None:
    if name is None:
        derived = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower())[:APP_NAME_LIMIT].strip("-")
        return derived or None
    if not is_label(name, APP_NAME_LIMIT):
        raise UsageError(
            f"`{name}` is not a name for a fleet",
            code=BAD_NAME,
            hints=(f"use lower-case letters, digits and dashes, at most {APP_NAME_LIMIT} characters",),
        )
    return name


def _listed(names: object) -> str:
    listed = [f"`{name}`" for name in names] if isinstance(names, (list, tuple)) else []
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
