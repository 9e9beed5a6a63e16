"""A team that promotes: a real bare origin with a fleet, a clone per person, the local forge, clusters in memory.

As a program (`python -m tests.helpers.promoting CLUSTERS ARGUMENTS…`) it is `fleet`, with these clusters and this
renderer instead of the real ones; everything else is real.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.config.pins import YamlPinEditor
from fleet.adapters.forge.local import LocalForge
from fleet.adapters.git.repository import GitRepository
from fleet.adapters.ledger.ledger import GitLedger
from fleet.adapters.probes.prober import OutsideProber
from fleet.adapters.restrictions.git import GitRestrictions
from fleet.model.fleet import Fleet
from fleet.model.promotion import HistoryEntry, PromotionResult
from fleet.operations import history as history_of
from fleet.operations import promote as promoting
from fleet.operations import release as releasing
from fleet.operations import rollback as going_back
from fleet.operations.common.deciding import Wishes
from fleet.operations.common.desired import desired_states
from fleet.operations.common.desk import Desk
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.observing import Senses
from tests.fakes.promotion import FakeRenderer, StoredClusters
from tests.fakes.registries import StoredRegistries
from tests.helpers.git import IDENTITY_VARIABLES, clone, commit_all, git, make_repository, push_file, write_files
from tests.helpers.reporting import RecordingReporter

if TYPE_CHECKING:
    import pytest

ENVIRONMENTS = {"dev": ["dev"], "staging": ["staging"], "prod": ["prod-eu", "prod-us"]}


def fleet_files(apps: Sequence[str] = ("web",), **policies: str) -> dict[str, str]:
    """Return a fleet of three environments; `policies` are YAML lines by environment."""
    files = {"fleet.yaml": "name: shop\n"}
    before = None
    for name, clusters in ENVIRONMENTS.items():
        source = f"promotesFrom: {before}\n" if before else ""
        policy = f"policy: {policies[name]}\n" if name in policies else ""
        files[f"environments/{name}/environment.yaml"] = (
            f"{source}clusters:\n  names: [{', '.join(clusters)}]\n{policy}"
        )
        for cluster in clusters:
            files[f"clusters/{cluster}.yaml"] = f"access: {{context: {cluster}}}\n"
        before = name
    for app in apps:
        files[f"apps/{app}/app.yaml"] = (
            f"namespace: {app}\nimages:\n  web: registry.example/web:1.0.0\n"
            "values:\n  replicas: 1\n  ratings:\n    enabled: false\npromotable: [ratings.enabled]\n"
        )
        files[f"apps/{app}/templates/more.yaml.j2"] = "# first\n"
    return files


def pin_text(revision: str, version: str = "1.0.0", more: str = "") -> str:
    """Return a pin file with a comment of its own."""
    return f"# runs {version}\nrelease:\n  version: {version}\n  revision: {revision} # the commit\n{more}"


def _seed(origin: Path, files: Mapping[str, str], apps: Sequence[str]) -> str:
    """Make an origin whose apps run everywhere at the first commit; return that commit."""
    seed = make_repository(origin.with_name("seed"), files, name="Bob")
    first = git(seed, "rev-parse", "HEAD")
    write_files(seed, {f"environments/{e}/apps/{a}.yaml": pin_text(first) for e in ENVIRONMENTS for a in apps})
    commit_all(seed, "Start")
    git(seed, "clone", "--quiet", "--bare", str(seed), str(origin))
    return first


class Clock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Person:
    """One member of the team, with a clone."""

    root: Path
    clusters: StoredClusters

    @contextmanager
    def services(self) -> Iterator[dict[str, Any]]:
        """Give adapters as the operations take them, freshly made: a new process has no cache."""
        repository = GitRepository(self.root)
        services = {
            "repository": repository,
            "loader": YamlFleetLoader(),
            "renderer": FakeRenderer(),
            "clusters": self.clusters,
            "restrictions": GitRestrictions(repository),
            "clock": Clock(),
            "senses": Senses(
                self.clusters,
                Clock(),
                GitRestrictions(repository),
                OutsideProber(lambda: self.clusters, os.environ),
            ),
            "forge": LocalForge(repository, Clock()),
            "ledger": GitLedger(repository, Clock(), self.root / ".fleet" / "ledger.json"),
            "pin_editor": YamlPinEditor(),
            "branch": "main",
            "reporter": RecordingReporter(),
        }
        try:
            yield services
        finally:
            repository.close()


class Team:
    """Ada and Bob, their origin, and the clusters."""

    def __init__(self, directory: Path, apps: Sequence[str] = ("web",), **policies: str) -> None:
        self.directory = directory
        self.apps = tuple(apps)
        self.origin = directory / "origin.git"
        self.first = _seed(self.origin, fleet_files(apps, **policies), apps)
        self.clusters = StoredClusters(directory / "live")
        self.people = {n: Person(clone(self.origin, directory / n, name=n), self.clusters) for n in ("Ada", "Bob")}
        for person in self.people.values():  # as the `.gitignore` of `fleet init` does
            (person.root / ".git" / "info" / "exclude").write_text(".fleet/\n")

    # ── git ──

    def write(self, files: Mapping[str, str], message: str = "change", branch: str = "main") -> str:
        """Commit files on a branch of the origin, as Bob; return the commit."""
        root = self.people["Bob"].root
        *others, (last, content) = files.items()
        write_files(root, dict(others))
        return push_file(root, branch, last, content, message)

    def read(self, path: str, revision: str = "main") -> str:
        """Return a file of the origin, with its last newline."""
        return git(self.origin, "show", f"{revision}:{path}") + "\n"

    def pin(self, environment: str, app: str = "web", revision: str = "main") -> str:
        return self.read(f"environments/{environment}/apps/{app}.yaml", revision)

    def head(self, branch: str = "main") -> str:
        return git(self.origin, "rev-parse", f"refs/heads/{branch}")

    def message(self, revision: str) -> str:
        return git(self.origin, "log", "-1", "--format=%B", revision)

    def branches(self) -> list[str]:
        return git(self.origin, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/").splitlines()

    # ── clusters ──

    def reconcile(self, *environments: str, **flags: Any) -> None:
        """Bring the clusters of these environments to what main says."""
        fleet, states = self.desired()
        for environment in environments:
            for cluster in fleet.environments[environment].clusters:
                objects = [m for t, s in states.items() if t.cluster == cluster for m in s.objects]
                self.clusters.store(cluster, objects, **flags)

    def desired(self) -> tuple[Fleet, Mapping[Any, Any]]:
        with self.people["Ada"].services() as services:
            fleet, tree = load_fleet(services["repository"], services["loader"], "main")
            states = desired_states(fleet, fleet.targets(), tree=tree, **only(services, desired_states))
            return fleet, states.states

    @contextmanager
    def desk(self, by: str = "Ada") -> Iterator[Desk]:
        """Give everything that promotions work with, freshly made."""
        with self.people[by].services() as services:
            yield Desk(**only(services, Desk))

    # ── verbs ──

    def release(self, app: str = "web", *, by: str = "Ada", **request: Any) -> PromotionResult:
        with self.people[by].services() as services:
            prepared = releasing.prepare(releasing.Request(app, **request), **only(services, releasing.prepare))
            return releasing.execute(prepared, **only(services, releasing.execute))

    def promote(
        self, to: str, *apps: str, by: str = "Ada", wishes: Wishes | None = None
    ) -> tuple[PromotionResult, ...]:
        with self.people[by].services() as services:
            prepared = promoting.prepare(apps or ("web",), to, wishes=wishes, **only(services, promoting.prepare))
            return promoting.execute(prepared, **only(services, promoting.execute))

    def plan(self, to: str, *apps: str, by: str = "Ada") -> promoting.Prepared:
        with self.people[by].services() as services:
            return promoting.prepare(apps or ("web",), to, **only(services, promoting.prepare))

    def rollback(self, environment: str, to: str | None = None, app: str = "web", by: str = "Ada") -> PromotionResult:
        with self.people[by].services() as services:
            prepared = going_back.prepare(app, environment, to, **only(services, going_back.prepare))
            return going_back.execute(prepared, **only(services, going_back.execute))

    def history(self, by: str = "Ada", **query: Any) -> tuple[HistoryEntry, ...]:
        with self.people[by].services() as services:
            return history_of.read_history(history_of.Query(**query), **only(services, history_of.read_history))

    def pull_requests(self) -> Sequence[Any]:
        with self.people["Bob"].services() as services:
            found: Sequence[Any] = services["forge"].list()
            return found

    def merge(self, number: int) -> None:
        """Merge as `fleet pr merge` does, with the trailers in the message."""
        from fleet.operations.pull_requests import merge_pull_request

        with self.people["Bob"].services() as services:
            merge_pull_request(number, **only(services, merge_pull_request))

    def fleet(self, *arguments: str, by: str = "Ada", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as a process."""
        return subprocess.run(
            self.command(*arguments, by=by),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self.environment(**environment),
        )

    def command(self, *arguments: str, by: str = "Ada") -> list[str]:
        module = [sys.executable, "-m", "tests.helpers.promoting", str(self.clusters.directory)]
        return [*module, "-C", str(self.people[by].root), *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a process: the identity comes from the clone."""
        own = {n: v for n, v in os.environ.items() if n not in IDENTITY_VARIABLES}
        return own | {"PYTHONPATH": str(Path(__file__).parents[2])} | more


def only(services: Mapping[str, Any], function: Any) -> dict[str, Any]:
    """Return the services that a function takes."""
    return {name: services[name] for name in inspect.signature(function).parameters if name in services}


def normal(text: str) -> str:
    """Return output with commit ids and times put in normal form."""
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b", "TIME", text)
    return re.sub(r"\b[0-9a-f]{7}(?:[0-9a-f]{5}|[0-9a-f]{33}|[0-9a-f]{57})?\b", "COMMIT", text)


def make_team(directory: Path, monkeypatch: pytest.MonkeyPatch, apps: Sequence[str] = ("web",)) -> Team:
    """Return Ada and Bob with a fleet: dev takes releases as commits, prod needs an approval."""
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(directory, apps, dev="{releases: direct}", prod="{approvals: 1}")
    team.reconcile("dev", "staging", "prod")
    return team


def snapshot(team: Team, *arguments: str, by: str = "Ada") -> str:
    """Return a whole invocation as one text: exit status, stdout and stderr, with commits and times in normal form."""
    ended = team.fleet(*arguments, by=by)
    parts = [f"exit {ended.returncode}"]
    for name, text in (("stdout", ended.stdout), ("stderr", ended.stderr)):
        if text:
            parts += [f"--- {name}", normal(text).rstrip("\n")]
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Be `fleet`, with clusters and renderer in memory."""
    from fleet.bootstrap.services import Services
    from fleet.cli.app import run

    clusters = StoredClusters(Path(arguments[0]))
    for name, value in (("clusters", clusters), ("renderer", FakeRenderer())):
        setattr(Services, name, value)
    registries = StoredRegistries(clusters.directory)
    if registries.path.exists():
        setattr(Services, "registries", lambda _services, _allowed: registries)  # noqa: B010 - a method of another kind
    return run(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
