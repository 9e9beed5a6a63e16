"""Apps as releases have them: the files of an app at its pinned revision, or as they stand in the work tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleet.errors import ConfigError, FleetError, GitError, Location, Problem
from fleet.model.declared import AppSpec
from fleet.model.fleet import Fleet
from fleet.model.release import Pin, Release
from fleet.ports.config import FleetLoader
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import EntryKind, Tree, TreeEntry

NOT_AVAILABLE = "FLT-RND-050"
APP_FILE = "FLT-RND-051"
APP_SIZE = "FLT-RND-052"

MAX_FILE = 1024 * 1024
"""Bytes of one template or Python file."""
MAX_FILES = 2_000
MAX_APP = 16 * 1024 * 1024
"""Bytes of all of them, of one app."""


@dataclass(frozen=True)
class App:
    """An app at one revision."""

    spec: AppSpec
    files: Mapping[str, bytes]


class AppError(FleetError):
    """An app cannot be read; carries what is told for each of its targets."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems[0].message, code=problems[0].code, location=problems[0].location)
        self.problems = problems


class PinnedApps:
    """Releases, and apps at their pinned revision."""

    def __init__(self, fleet: Fleet, repository: RepositoryReader, loader: FleetLoader) -> None:
        self._fleet = fleet
        self._repository = repository
        self._loader = loader
        self._trees: dict[str, Tree] = {}
        self._apps: dict[tuple[str, str], App | AppError] = {}

    def release(self, environment: str, app: str, pin: Pin | None) -> Release | None:
        """Return the release of an app in an environment."""
        if pin is not None and pin.release is not None:
            return pin.release
        branch = self._fleet.environments[environment].spec.track
        if pin is None or branch is None:
            return None
        revision = self._tracked_revision(branch, app)
        spec = self.app(app, revision).spec
        return Release(version=tracked_version(branch, revision), revision=revision, images=dict(spec.images))

    def _tracked_revision(self, branch: str, app: str) -> str:
        # The protected branch is the commit that the fleet was loaded from: one plan sees one state of it.
        own = self._fleet.revision if branch == self._fleet.file.git.branch else None
        head = own or self._repository.head_of(branch)
        if head is None:
            hint = f"push it, or correct `track` of the environment: `git push origin {branch}`"
            raise AppError(Problem(NOT_AVAILABLE, f"branch `{branch}` is not there", None, hint))
        revision = self._repository.last_change(head, f"apps/{app}")
        if revision is None:
            message = f"branch `{branch}` has no app `{app}`"
            raise AppError(Problem(NOT_AVAILABLE, message, Location(f"apps/{app}"), f"add `apps/{app}/app.yaml`"))
        return revision

    def app(self, app: str, revision: str) -> App:
        """Return an app at a revision; revisions with an equal tree share it."""
        if not self._repository.has(revision):
            message = f"commit {revision[:12]}, which `{app}` is pinned to, is not in this clone"
            raise AppError(
                Problem(NOT_AVAILABLE, message, Location(f"apps/{app}"), f"fetch it: `git fetch origin {revision}`")
            )
        tree_id = self._repository.tree_id(revision, f"apps/{app}")
        if tree_id is None:
            message = f"commit {revision[:12]} has no app `{app}`"
            hint = f"pin a commit that has it: `git log -- apps/{app}`"
            raise AppError(Problem(NOT_AVAILABLE, message, Location(f"apps/{app}"), hint))
        key = (app, tree_id)
        if key not in self._apps:
            if revision not in self._trees:
                self._trees[revision] = self._repository.tree(revision)
            self._apps[key] = _read_or_error(self._trees[revision], self._loader, app)
        return _good(self._apps[key])


class PresentApps:
    """Apps as they stand in one tree, whatever is pinned."""

    def __init__(self, tree: Tree, loader: FleetLoader) -> None:
        self._tree = tree
        self._loader = loader
        self._apps: dict[str, App | AppError] = {}

    def release(self, environment: str, app: str, pin: Pin | None) -> Release | None:
        """Return the pinned release, or one that stands for the files on disk."""
        del environment
        if pin is None:
            return None
        if pin.release is not None:
            return pin.release
        spec = self.app(app, "").spec
        return Release(version="0.0.0-worktree", revision=self._tree.revision or "0" * 40, images=dict(spec.images))

    def app(self, app: str, revision: str) -> App:
        """Return the app of the tree."""
        del revision
        if app not in self._apps:
            self._apps[app] = _read_or_error(self._tree, self._loader, app)
        return _good(self._apps[app])


def _read_or_error(tree: Tree, loader: FleetLoader, app: str) -> App | AppError:
    try:
        return _read_app(tree, loader, app)
    except AppError as error:
        return error


def _good(app: App | AppError) -> App:
    if isinstance(app, AppError):
        raise app
    return app


def _read_app(tree: Tree, loader: FleetLoader, app: str) -> App:
    try:
        spec = loader.load_app(tree, app)
        return App(spec, _read_files(tree, app, spec.source))
    except ConfigError as error:
        raise AppError(
            *(error.problems or (Problem(APP_FILE, error.message, error.location or Location(f"apps/{app}/app.yaml")),))
        ) from error
    except GitError as error:
        raise AppError(Problem(NOT_AVAILABLE, error.message, Location(f"apps/{app}"))) from error


def _read_files(tree: Tree, app: str, source: str) -> dict[str, bytes]:
    """Return the files that rendering may see: templates, or Python files. Links are never followed."""
    root = f"apps/{app}" if source == "program" else f"apps/{app}/templates"
    entries = [e for e in tree.entries(root) if source != "program" or e.path.endswith(".py")]
    _check_entries(root, entries)
    return tree.read_many([entry.path for entry in entries])


def _check_entries(root: str, entries: Sequence[TreeEntry]) -> None:
    for entry in entries:
        at = Location(entry.path)
        if entry.kind is not EntryKind.FILE:
            hint = "put a plain file in its place"
            raise AppError(Problem(APP_SIZE, f"a {entry.kind} is not read when an app is rendered", at, hint))
        if entry.size > MAX_FILE:
            raise AppError(Problem(APP_SIZE, f"the file is larger than {MAX_FILE} bytes", at))
    if len(entries) > MAX_FILES or sum(entry.size for entry in entries) > MAX_APP:
        message = f"the app has more than {MAX_FILES} files or {MAX_APP} bytes to render"
        raise AppError(Problem(APP_SIZE, message, Location(root)))


def tracked_version(branch: str, revision: str) -> str:
    """Return the version of an app that follows a branch: `0.0.0-main.g4f1c2e0`."""
    safe = re.sub(r"[^0-9A-Za-z-]+", "-", branch).strip("-")[:60] or "branch"
    # A semantic version forbids zeros in front of a number.
    return f"0.0.0-{f'b{safe}' if safe.isdigit() else safe}.g{revision[:7]}"
