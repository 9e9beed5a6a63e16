"""The example fleet with a Pulumi program: rendered in the jail, applied by the real engine to a real API server."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.git.repository import GitRepository
from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.pulumi.deployer import PulumiDeployer
from fleet.adapters.render.renderer import JailedRenderer
from fleet.engine.objects import digest_of_live, owner_of
from fleet.model.declared import AccessSpec, ClusterSpec, EngineSpec
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.state import DesiredState
from fleet.operations.common.desired import desired_states
from fleet.ports.deployer import DeployRequest, DeployResult
from tests.helpers.git import commit_all, make_repository, write_files
from tests.integration.conftest import Kube

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "program"
TARGET = Target("guestbook", "dev", "dev")


@dataclass
class Guestbook:
    """The example in a repository of its own, with one real cluster and the real engine."""

    root: Path
    namespace: str
    cluster: ClusterSpec
    repository: GitRepository
    renderer: JailedRenderer
    engine: PulumiDeployer
    clusters: KubeClusters

    def desired(self) -> DesiredState:
        loader = YamlFleetLoader()
        tree = self.repository.tree(self.repository.resolve("HEAD"))
        loaded = loader.load(tree)
        assert loaded.fleet is not None, loaded.problems
        found = desired_states(
            replace(loaded.fleet, revision=tree.revision),
            [TARGET],
            tree=tree,
            repository=self.repository,
            loader=loader,
            renderer=self.renderer,
        )
        assert found.problems == {}
        return found.states[TARGET]

    def deploy(self) -> DeployResult:
        request = DeployRequest(self.desired(), self.cluster, timeout=90, fence=1)
        result = self.engine.deploy(request, lambda *_: None)
        assert result.error == ""
        return result


@pytest.fixture
def guestbook(kube: Kube, pulumi_binary: Path, tmp_path: Path) -> Iterator[Guestbook]:
    """Give the example with a namespace of its own, which is removed at the end."""
    namespace = f"program-{secrets.token_hex(3)}"
    root = tmp_path / "fleet"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    text = (root / "apps/guestbook/app.yaml").read_text()
    write_files(root, {"apps/guestbook/app.yaml": text.replace("namespace: guestbook", f"namespace: {namespace}")})
    cluster = ClusterSpec(access=AccessSpec(context=kube.contexts[0], kubeconfig=str(kube.kubeconfig)))
    clusters = KubeClusters(Path("none"), tmp_path, {"HOME": str(tmp_path)})
    made = Guestbook(
        root=root,
        namespace=namespace,
        cluster=cluster,
        repository=GitRepository(make_repository(root), "origin", "main"),
        renderer=JailedRenderer(tmp_path / "cache", workers=1),
        engine=PulumiDeployer(tmp_path / "state", clusters, lambda: pulumi_binary, EngineSpec(), "guestbook"),
        clusters=clusters,
    )
    yield made
    clusters.writer("dev", cluster).delete(ObjectRef("v1", "Namespace", "", namespace), propagation="Background")
    made.engine.close()
    made.renderer.close()
    made.repository.close()
    clusters.close()


def test_a_program_goes_through_the_same_engine_as_templates(guestbook: Guestbook) -> None:
    first = guestbook.deploy()
    assert first.operations["create"] == 6
    live = guestbook.clusters.reader("dev", guestbook.cluster)
    web = live.get(ObjectRef("apps/v1", "Deployment", guestbook.namespace, "web"))
    assert web is not None
    assert owner_of(web, "guestbook") == TARGET
    wanted = {ObjectRef.of(m): digest_of_live(m) for m in guestbook.desired().objects}
    assert digest_of_live(web) == wanted[ObjectRef.of(web)]
    assert "fleet-gitops.io/digest" not in str(web["spec"]["template"])

    assert guestbook.deploy().changes.empty

    pin = "environments/dev/apps/guestbook.yaml"
    write_files(guestbook.root, {pin: "values:\n  message: changed\n"})
    commit_all(guestbook.root)
    changed = guestbook.deploy().changes
    assert [(str(c.ref), [f.path for f in c.fields]) for c in changed.objects] == [
        (f"ConfigMap/{guestbook.namespace}/guestbook", ["data.MESSAGE"])
    ]
