"""The composition root: adapters wired to ports, each made when it is first used.

Imports of adapters stand inside the properties: a command pays only for what it uses.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.bootstrap import paths
from fleet.errors import FleetError
from fleet.model.declared import EngineSpec, FleetFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.engine.drift import Conceal
    from fleet.model.names import Target
    from fleet.operations.common.desk import Desk
    from fleet.operations.common.observing import Senses
    from fleet.ports.clock import Clock
    from fleet.ports.cluster import Clusters
    from fleet.ports.config import FleetLoader, PinEditor
    from fleet.ports.deployer import InteractiveDeployer
    from fleet.ports.forge import Forge
    from fleet.ports.ledger import LedgerWriter
    from fleet.ports.policy_tests import ScenarioReader
    from fleet.ports.probes import Prober
    from fleet.ports.registry import Registries
    from fleet.ports.renderer import Renderer
    from fleet.ports.reporter import Reporter
    from fleet.ports.repository import RepositoryWriter
    from fleet.ports.restrictions import RestrictionReader, RestrictionWriter
    from fleet.ports.sandbox import DemoFleet, SandboxHost
    from fleet.ports.store import RecordStore
    from fleet.ports.toolchain import Toolchain


class Services:
    """Everything an operation may need, for one fleet repository."""

    def __init__(self, start: Path, reporter: Reporter) -> None:
        self.start = start
        self.reporter = reporter
        self._opened: list[Registries] = []

    @cached_property
    def file(self) -> FleetFile:
        """`fleet.yaml` as it is in the work tree: it says which remote and branch are protected.

        A file that cannot be read gives the defaults; loading the fleet reports what is wrong with it.
        """
        from fleet.adapters.config.loader import read_fleet_file

        return read_fleet_file(self.root) or FleetFile(name="unnamed")

    @cached_property
    def root(self) -> Path:
        """Top directory of the fleet repository."""
        from fleet.adapters.git.repository import find_root

        return find_root(self.start)

    @property
    def branch(self) -> str:
        """The protected branch."""
        return self.file.git.branch

    @property
    def engine(self) -> EngineSpec:
        """Engine settings."""
        return self.file.engine

    @cached_property
    def clock(self) -> Clock:
        """Real time."""
        from fleet.bootstrap.clock import SystemClock

        return SystemClock()

    @cached_property
    def repository(self) -> RepositoryWriter:
        """The git repository of the fleet."""
        from fleet.adapters.git.repository import GitRepository

        return GitRepository(self.root, self.file.git.remote, self.file.git.branch)

    def prefetch(self, *, rendering: bool = False) -> None:
        """Begin to fetch while the modules of a command are still being imported; what loads the fleet waits for it.

        Args:
            rendering: the command is going to render what nobody has rendered before, so begin to start that as well.
        """
        if rendering:
            self.renderer.prepare()
        self.repository.prefetch()

    @cached_property
    def forge(self) -> Forge:
        """Where pull requests live."""
        from fleet.adapters.forge.local import LocalForge

        return LocalForge(self.repository, self.clock)

    @cached_property
    def ledger(self) -> LedgerWriter:
        """The ledger of decisions."""
        from fleet.adapters.ledger.ledger import GitLedger

        return GitLedger(self.repository, self.clock, paths.fleet_state(self.root) / "ledger.json")

    @cached_property
    def restrictions(self) -> RestrictionWriter:
        """Locks, holds and rejected releases."""
        from fleet.operations.common.recorded import RecordedRestrictions

        return RecordedRestrictions(self._restrictions, self.ledger)

    @property
    def known_restrictions(self) -> RestrictionReader:
        """The same for reading, without the ledger that writing leaves an entry in."""
        return self._restrictions

    @cached_property
    def _restrictions(self) -> RestrictionWriter:
        from fleet.adapters.restrictions.git import GitRestrictions

        return GitRestrictions(self.repository)

    @cached_property
    def loader(self) -> FleetLoader:
        """Reads declared files."""
        from fleet.adapters.config.loader import YamlFleetLoader

        return YamlFleetLoader()

    @property
    def scenarios(self) -> ScenarioReader:
        """Reads policy tests."""
        from fleet.adapters.config.scenarios import YamlScenarios

        return YamlScenarios()

    @cached_property
    def pin_editor(self) -> PinEditor:
        """Edits pins."""
        from fleet.adapters.config.pins import YamlPinEditor

        return YamlPinEditor()

    @cached_property
    def renderer(self) -> Renderer:
        """Renders apps in a jail."""
        from fleet.adapters.render.renderer import JailedRenderer

        return JailedRenderer(paths.fleet_state(self.root) / "cache" / "render")

    @cached_property
    def clusters(self) -> Clusters:
        """Connects to clusters."""
        from fleet.adapters.kube.clusters import KubeClusters

        return KubeClusters(paths.sandbox_directory() / "kubeconfig", self.root, os.environ)

    def registries(self, allowed: Sequence[str]) -> Registries:
        """Return what asks container registries, of these hosts only; closed with everything else."""
        from fleet.adapters.registry.client import OciRegistries

        made = OciRegistries(allowed, os.environ)
        self._opened.append(made)
        return made

    @property
    def senses(self) -> Senses:
        """Where promotions look for what is not in the fleet's files."""
        from fleet.operations.common.observing import Senses

        return Senses(self.clusters, self.clock, self.known_restrictions, self.prober)

    @property
    def prober(self) -> Prober:
        """Asks whom gates of one's own name; most policies have none, so it is made when there is something to ask."""
        from fleet.bootstrap.probing import LateProber

        return LateProber(lambda: self.clusters)

    @property
    def desk(self) -> Desk:
        """What promotions work with."""
        from fleet.operations.common.desk import Desk

        return Desk(
            self.repository,
            self.loader,
            self.renderer,
            self.senses,
            self.forge,
            self.ledger,
            self.pin_editor,
            self.branch,
            self.reporter,
        )

    @cached_property
    def store(self) -> RecordStore:
        """Records, runs and leases."""
        from fleet.adapters.store.sqlite import SqlStore

        return SqlStore(paths.fleet_state(self.root) / "fleet.db", self.clock)

    @cached_property
    def conceal(self) -> Conceal:
        """Replaces values of Secrets by keyed hashes, with the key of this clone."""
        from functools import partial

        from fleet.engine.fingerprint import mask_secrets
        from fleet.local_key import load_key

        return partial(mask_secrets, key=load_key(paths.fleet_state(self.root) / "key"))

    @cached_property
    def toolchain(self) -> Toolchain:
        """External binaries."""
        from fleet.adapters.toolchain.toolchain import Toolchain as Adapter

        return Adapter(paths.cache_directory() / "toolchain", {}, self.reporter)

    @cached_property
    def deployer(self) -> InteractiveDeployer:
        """The Pulumi engine."""
        from fleet.adapters.pulumi.deployer import PulumiDeployer

        return PulumiDeployer(
            paths.fleet_state(self.root),
            self.clusters,
            lambda: self.toolchain.path("pulumi"),
            self.engine,
            self.file.name,
            lambda: self.toolchain.path("pulumi-resource-kubernetes"),
        )

    def stacks(self) -> Sequence[Target]:
        """Return the targets that have a stack, without the engine: where nothing changes, it is not even imported."""
        from fleet.adapters.pulumi.state import StateDirectory

        return StateDirectory(paths.fleet_state(self.root) / "pulumi", self.file.name).stacks()

    @cached_property
    def sandbox(self) -> SandboxHost:
        """Local throw-away clusters."""
        from fleet.adapters.sandbox.kwok import KwokSandbox

        return KwokSandbox(paths.sandbox_directory(), self.toolchain, self.reporter)

    @property
    def demo_fleet(self) -> DemoFleet:
        """The fleet that the sandbox's git host starts with."""
        from fleet.adapters.config.example import ExampleFleet

        return ExampleFleet()

    def close(self) -> None:
        """Stop what was started; a service that was never made costs nothing."""
        for name in ("deployer", "renderer", "clusters", "store", "repository"):
            service = self.__dict__.get(name)
            if service is not None:
                with suppress(FleetError):
                    service.close()
        for opened in self._opened:
            opened.close()
