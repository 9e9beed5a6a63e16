"""Which files of a tree declare what, and which look as if they should but do not."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from fleet.adapters.config import codes
from fleet.adapters.config.document import SIZE_LIMIT
from fleet.errors import Location, Problem
from fleet.model.names import APP_NAME_LIMIT, CLUSTER_NAME_LIMIT, ENVIRONMENT_NAME_LIMIT, is_label
from fleet.ports.tree import EntryKind, Tree, TreeEntry

FLEET_PATH = "fleet.yaml"
_KINDS = {
    EntryKind.SYMLINK: "a symbolic link",
    EntryKind.SUBMODULE: "a submodule",
    EntryKind.OTHER: "not a plain file",
}
_LIMITS = {
    "app": APP_NAME_LIMIT,
    "environment": ENVIRONMENT_NAME_LIMIT,
    "cluster": CLUSTER_NAME_LIMIT,
}


def app_path(app: str) -> str:
    """Return the path of an app's declaration."""
    return f"apps/{app}/app.yaml"


def environment_path(environment: str) -> str:
    """Return the path of an environment's declaration."""
    return f"environments/{environment}/environment.yaml"


def pin_path(environment: str, app: str) -> str:
    """Return the path of a pin."""
    return f"environments/{environment}/apps/{app}.yaml"


def cluster_path(cluster: str) -> str:
    """Return the path of a cluster's declaration."""
    return f"clusters/{cluster}.yaml"


@dataclass
class Layout:
    """Paths of declared files, by the names that they declare."""

    fleet: str | None = None
    environments: dict[str, str] = field(default_factory=dict)
    pins: dict[tuple[str, str], str] = field(default_factory=dict)
    """By environment and app."""
    clusters: dict[str, str] = field(default_factory=dict)
    apps: dict[str, str] = field(default_factory=dict)
    templates: set[str] = field(default_factory=set)
    """Apps with at least one template."""
    programs: set[str] = field(default_factory=set)
    """Apps with a `program.py`."""
    problems: list[Problem] = field(default_factory=list)

    def paths(self) -> Iterator[str]:
        """Yield every declared file."""
        if self.fleet:
            yield self.fleet
        for group in (self.environments, self.pins, self.clusters, self.apps):
            yield from group.values()


def scan(tree: Tree) -> Layout:
    """Find the declared files of a tree."""
    return _Scan(tree).run()


class _Scan:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.layout = Layout()
        self.directories: dict[str, set[str]] = {"environments": set(), "apps": set()}
        self.excused: set[str] = set()
        """Directories whose missing file is explained by another problem."""

    def run(self) -> Layout:
        for entry in self._plain_files(FLEET_PATH):
            if entry.path == FLEET_PATH:
                self.layout.fleet = FLEET_PATH
        for entry in self._plain_files("environments"):
            self._environment_file(entry, entry.path.split("/"))
        for entry in self._plain_files("clusters"):
            self._cluster_file(entry, entry.path.split("/"))
        for entry in self._plain_files("apps"):
            self._app_file(entry, entry.path.split("/"))
        self._missing()
        return self.layout

    def _problem(self, code: str, message: str, path: str, hint: str | None = None, severity: str = "error") -> None:
        self.layout.problems.append(Problem(code, message, Location(path), hint, severity))

    def _plain_files(self, prefix: str) -> Iterator[TreeEntry]:
        for entry in self.tree.entries(prefix):
            parts = entry.path.split("/")
            if any(part.startswith(".") for part in parts):
                continue
            if entry.kind is not EntryKind.FILE:
                self._problem(
                    codes.NOT_A_FILE,
                    f"this is {_KINDS[entry.kind]}, which fleet never follows",
                    entry.path,
                    "put a plain file or directory there",
                )
                self.excused.add("/".join(parts[:2]))
                continue
            yield entry

    def _environment_file(self, entry: TreeEntry, parts: list[str]) -> None:
        if len(parts) == 2:
            stem = PurePosixPath(parts[1]).stem
            self._stray(entry, environment_path(stem), sure=True)
            return
        name = parts[1]
        self.directories["environments"].add(name)
        if len(parts) == 3 and parts[2] == "environment.yaml":
            self._declare(entry, "environment", name, lambda: self.layout.environments.update({name: entry.path}))
        elif len(parts) == 4 and parts[2] == "apps" and parts[3].endswith(".yaml"):
            app = parts[3].removesuffix(".yaml")
            self._declare(entry, "app", app, lambda: self.layout.pins.update({(name, app): entry.path}))
        elif parts[2] == "environment.yaml":
            self._directory_as_file("/".join(parts[:3]))
        elif len(parts) == 3:
            self._stray(entry, environment_path(name), sure=_alike(parts[2], "environment.yaml"), directory=True)
        elif len(parts) == 4:
            stem = PurePosixPath(parts[3]).stem
            self._stray(entry, pin_path(name, stem), sure=parts[2] == "apps" or _alike(parts[2], "apps"))
        else:
            self._stray(entry, pin_path(name, parts[3].removesuffix(".yaml")), sure=parts[3].endswith(".yaml"))

    def _cluster_file(self, entry: TreeEntry, parts: list[str]) -> None:
        if len(parts) == 2 and parts[1].endswith(".yaml"):
            name = parts[1].removesuffix(".yaml")
            self._declare(entry, "cluster", name, lambda: self.layout.clusters.update({name: entry.path}))
        elif len(parts) > 1:
            stem = PurePosixPath(parts[1]).stem
            self._stray(entry, cluster_path(stem), sure=len(parts) == 2 or parts[1].endswith(".yaml"))

    def _app_file(self, entry: TreeEntry, parts: list[str]) -> None:
        if len(parts) == 2:
            self._stray(entry, app_path(PurePosixPath(parts[1]).stem), sure=True)
            return
        name = parts[1]
        self.directories["apps"].add(name)
        if parts[2] == "app.yaml" and len(parts) == 3:
            self._declare(entry, "app", name, lambda: self.layout.apps.update({name: entry.path}))
        elif len(parts) == 3 and parts[2] == "program.py":
            self.layout.programs.add(name)
        elif len(parts) > 3 and parts[2] == "templates":
            if entry.path.endswith(".yaml.j2"):
                self.layout.templates.add(name)
            elif entry.path.endswith((".yaml", ".yml", ".yml.j2")):
                stem = entry.path.removesuffix(".j2").rpartition(".")[0]
                self._stray(entry, f"{stem}.yaml.j2", sure=False)
        elif len(parts) == 3:
            self._stray(entry, app_path(name), sure=_alike(parts[2], "app.yaml"), directory=True, quiet=True)
        elif parts[2] == "app.yaml":
            self._directory_as_file("/".join(parts[:3]))

    def _declare(self, entry: TreeEntry, kind: str, name: str, add: object) -> None:
        limit = _LIMITS[kind]
        if not is_label(name, limit):
            self._problem(
                codes.BAD_FILE_NAME,
                f"`{name}` is not a name for {'an' if kind[0] in 'ae' else 'a'} {kind}",
                entry.path,
                f"use lower-case letters, digits and dashes, at most {limit} characters",
            )
            self.excused.add("/".join(entry.path.split("/")[:2]))
        elif entry.size > SIZE_LIMIT:
            self._problem(
                codes.TOO_LARGE,
                f"the file has {entry.size:,} bytes, more than the {SIZE_LIMIT:,} that a declared file may have",
                entry.path,
            )
            self.excused.add("/".join(entry.path.split("/")[:2]))
        elif callable(add):
            add()

    def _stray(self, entry: TreeEntry, right: str, *, sure: bool, directory: bool = False, quiet: bool = False) -> None:
        """Report a YAML file that is not read: an error where it is surely a mistake, otherwise a warning."""
        if not entry.path.endswith((".yaml", ".yml", ".yml.j2")):
            return
        if f"{right}/" in entry.path:
            self._directory_as_file(right)
        elif sure:
            self._problem(codes.NOT_READ, "this file is not read", entry.path, f"rename it to `{right}`")
            if directory:
                self.excused.add("/".join(entry.path.split("/")[:2]))
        elif not quiet:
            self._problem(
                codes.NOT_READ, "this file is not read", entry.path, f"fleet reads `{right}`", severity="warning"
            )

    def _directory_as_file(self, path: str) -> None:
        problem = Problem(
            codes.NOT_A_FILE, "this is a directory; a file is expected", Location(path), "put a plain file there"
        )
        self.excused.add("/".join(path.split("/")[:2]))
        if problem not in self.layout.problems:
            self.layout.problems.append(problem)

    def _missing(self) -> None:
        for top, declared, path_of in (
            ("environments", self.layout.environments, environment_path),
            ("apps", self.layout.apps, app_path),
        ):
            for name in sorted(self.directories[top] - set(declared)):
                if f"{top}/{name}" not in self.excused:
                    path = path_of(name)
                    self._problem(codes.MISSING_FILE, f"`{top}/{name}` has no `{path.rpartition('/')[2]}`", path)


def _alike(name: str, right: str) -> bool:
    stem = name.rpartition(".")[0] if name.endswith((".yaml", ".yml")) else name
    return bool(difflib.get_close_matches(stem, [right.removesuffix(".yaml")], n=1, cutoff=0.75))
