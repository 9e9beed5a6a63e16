"""Desired states: which revision, which values, which labels; out of a real git repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.git.repository import GitRepository
from fleet.adapters.render.renderer import JailedRenderer
from fleet.engine.objects import OwnedObjects, owner_of
from fleet.model.fleet import Fleet
from fleet.model.names import Target
from fleet.model.release import Pin, Release
from fleet.operations.common.desired import (
    DesiredTargets,
    desired_states,
    release_of,
    render_work_tree,
)
from fleet.operations.common.sources import tracked_version
from fleet.ports.tree import Tree
from tests.helpers.fleets import small_fleet
from tests.helpers.git import commit_all, make_repository, write_files

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  replicas: {{ values.replicas | quote }}
  ratings: {{ values.ratings.enabled | quote }}
  region: {{ values.region | default("none") }}
  image: {{ images.web }}
  version: {{ release.version }}
"""


@dataclass
class Place:
    """A repository with a fleet in it, and what reads it."""

    root: Path
    renderer: JailedRenderer
    first: str

    def __post_init__(self) -> None:
        self.repository = GitRepository(self.root, "origin", "main")
        self.loader = YamlFleetLoader()

    def load(self, revision: str = "HEAD") -> tuple[Fleet, Tree]:
        tree = self.repository.tree(self.repository.resolve(revision))
        loaded = self.loader.load(tree)
        assert loaded.fleet is not None, loaded.problems
        return replace(loaded.fleet, revision=tree.revision), tree

    def states(self, *targets: Target, pins: dict[tuple[str, str], Pin] | None = None) -> DesiredTargets:
        fleet, tree = self.load()
        return desired_states(
            fleet,
            targets or tuple(fleet.targets()),
            tree=tree,
            repository=self.repository,
            loader=self.loader,
            renderer=self.renderer,
            pins=pins,
        )

    def data(self, target: Target, **more: dict[tuple[str, str], Pin]) -> dict[str, str]:
        found = self.states(target, **more)
        assert found.problems == {}
        result: dict[str, str] = found.states[target].objects[0]["data"]
        return result


DEV = Target("web", "dev", "dev")
EU, US = Target("web", "prod", "prod-eu"), Target("web", "prod", "prod-us")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a fleet whose pins name the first commit; a second one changed the template and the defaults."""
    files = small_fleet(**{"apps/web/templates/web.yaml.j2": TEMPLATE})
    without_pins = {path: text for path, text in files.items() if "/apps/" not in path}
    root = make_repository(tmp_path / "repo", without_pins)
    first = commit_all(root)
    pins = {path: text.replace("4f1c2e" + "0" * 34, first) for path, text in files.items() if path not in without_pins}
    write_files(root, pins)
    write_files(root, {"apps/web/templates/web.yaml.j2": TEMPLATE + "  new: line\n"})
    commit_all(root, "a newer template")
    renderer = JailedRenderer(tmp_path / "cache", workers=1)
    made = Place(root, renderer, first)
    yield made
    made.repository.close()
    renderer.close()


def test_templates_are_read_at_the_pinned_revision(place: Place) -> None:
    assert "new" not in place.data(DEV)


def test_values_come_from_every_layer(place: Place) -> None:
    assert place.data(EU) == {
        "replicas": "3",
        "ratings": "true",
        "region": "none",
        "image": "registry.example/web:1.0.0",
        "version": "1.0.0",
    }
    assert place.data(DEV)["replicas"] == "1"


def test_values_of_a_cluster_reach_only_its_targets(place: Place) -> None:
    write_files(
        place.root, {"clusters/prod-us.yaml": small_fleet()["clusters/prod-us.yaml"] + "values: {region: us}\n"}
    )
    commit_all(place.root)
    assert (place.data(EU)["region"], place.data(US)["region"]) == ("none", "us")


def test_clusters_share_objects_but_not_labels(place: Place) -> None:
    states = place.states().states
    eu, us = states[EU].objects, states[US].objects
    assert isinstance(eu, OwnedObjects)
    assert isinstance(us, OwnedObjects)
    assert eu.rendered is us.rendered
    assert [owner_of(objects[0], "shop") for objects in (eu, us)] == [EU, US]
    assert states[EU].digest != states[US].digest


def test_a_pin_that_is_handed_in_stands_in_for_the_one_in_git(place: Place) -> None:
    fleet, _ = place.load()
    newest = place.repository.resolve("HEAD")
    pin = fleet.environments["prod"].pins["web"]
    assert pin.release is not None
    pins = {("prod", "web"): pin.model_copy(update={"release": Release(version="2.0.0", revision=newest)})}
    data = place.data(EU, pins=pins)
    assert (data["version"], data["new"], data["ratings"], data["replicas"]) == ("2.0.0", "line", "false", "3")


def test_an_app_without_a_release_is_in_neither(place: Place) -> None:
    write_files(place.root, {"environments/prod/apps/web.yaml": "{}\n"})
    commit_all(place.root)
    found = place.states()
    assert (set(found.states), found.problems) == ({DEV}, {})


def test_a_tracking_environment_runs_the_last_change_of_the_app(place: Place) -> None:
    changed = place.repository.resolve("HEAD")
    write_files(
        place.root,
        {
            "environments/dev/environment.yaml": "track: main\nclusters:\n  names: [dev]\n",
            "environments/dev/apps/web.yaml": "{}\n",
        },
    )
    commit_all(place.root, "track main")
    state = place.states(DEV).states[DEV]
    assert state.release == Release(
        version=f"0.0.0-main.g{changed[:7]}", revision=changed, images={"web": "registry.example/web:1.0.0"}
    )
    assert state.objects[0]["data"]["new"] == "line"
    fleet, _ = place.load()
    assert release_of(fleet, "dev", "web", repository=place.repository, loader=place.loader) == state.release


def test_the_digest_changes_with_objects_and_with_the_way_to_the_cluster(place: Place) -> None:
    before = place.states().states
    write_files(place.root, {"clusters/prod-us.yaml": "labels: {tier: prod, region: us}\naccess: {context: other}\n"})
    commit_all(place.root)
    after = place.states().states
    assert before[EU].digest == after[EU].digest
    assert before[US].digest != after[US].digest


def test_a_revision_that_is_not_in_the_clone_is_a_problem_with_a_hint(place: Place) -> None:
    fleet, _ = place.load()
    pins = {("dev", "web"): Pin(release=Release(version="1.0.0", revision="1" * 40))}
    del fleet
    found = place.states(DEV, EU, pins=pins)
    assert list(found.states) == [EU]
    problem = found.problems[DEV][0]
    assert (problem.code, problem.hint) == ("FLT-RND-050", f"fetch it: `git fetch origin {'1' * 40}`")


def test_a_revision_without_the_app_is_a_problem(place: Place) -> None:
    orphan = place.repository.commit([], {"README.md": b"x"}, "nothing here")
    found = place.states(DEV, pins={("dev", "web"): Pin(release=Release(version="1.0.0", revision=orphan))})
    assert "has no app `web`" in found.problems[DEV][0].message


def test_a_render_error_is_a_problem_of_its_targets_only(place: Place) -> None:
    write_files(place.root, {"apps/web/templates/web.yaml.j2": "{{ nobody }}"})
    broken = commit_all(place.root)
    found = place.states(pins={("dev", "web"): Pin(release=Release(version="1.0.0", revision=broken))})
    assert set(found.states) == {EU, US}
    assert found.problems[DEV][0].message == "`nobody` is not defined"


def test_links_among_the_templates_are_refused(place: Place) -> None:
    (place.root / "apps/web/templates/link.yaml.j2").symlink_to("/etc/passwd")
    linked = commit_all(place.root)
    found = place.states(DEV, pins={("dev", "web"): Pin(release=Release(version="1.0.0", revision=linked))})
    assert found.problems[DEV][0].code == "FLT-RND-052"


def test_the_work_tree_is_rendered_instead_of_the_pinned_revision(place: Place) -> None:
    fleet, _ = place.load()
    write_files(place.root, {"apps/web/templates/web.yaml.j2": TEMPLATE + "  edited: yes\n"})
    tree = place.repository.work_tree()
    found = render_work_tree(fleet, fleet.targets(), tree=tree, loader=place.loader, renderer=place.renderer)
    assert found.problems == {}
    assert [state.objects[0]["data"]["edited"] for state in found.states.values()] == [True, True, True]


@pytest.mark.parametrize(
    ("branch", "version"),
    [
        ("main", "0.0.0-main.gabcdef0"),
        ("feature/x_y", "0.0.0-feature-x-y.gabcdef0"),
        ("007", "0.0.0-b007.gabcdef0"),
        ("ü", "0.0.0-branch.gabcdef0"),
        ("x" * 200, f"0.0.0-{'x' * 60}.gabcdef0"),
    ],
)
def test_the_version_of_a_branch_is_a_semantic_version(branch: str, version: str) -> None:
    assert tracked_version(branch, "abcdef0" + "0" * 33) == version
    Release(version=version, revision="0" * 40)


JOB = """\
---
apiVersion: batch/v1
kind: Job
metadata: {name: orders-2}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "{{ images.web }}", args: ["{{ cluster.name }}"]}]
"""


def migrating(place: Place, job: str) -> DesiredTargets:
    """Return prod at a release that brings a migration."""
    app = (place.root / "apps/web/app.yaml").read_text()
    declared = "provides: {schemas: {orders: 2.0.0}}\nmigrations: [{job: orders-2, schema: orders, version: 2.0.0}]\n"
    write_files(place.root, {"apps/web/app.yaml": app + declared, "apps/web/templates/web.yaml.j2": TEMPLATE + job})
    release = Release(version="2.0.0", revision=commit_all(place.root))
    return place.states(EU, US, pins={("prod", "web"): Pin(release=release)})


def test_jobs_of_migrations_stand_apart_and_count_in_the_digest(place: Place) -> None:
    found = migrating(place, JOB)
    (step,) = found.states[EU].migrations
    assert (step.name, step.schema, step.version, step.phase) == ("orders-2", "orders", "2.0.0", "expand")
    assert step.job["spec"]["template"]["spec"]["containers"][0]["args"] == ["prod-eu"]
    assert [m["kind"] for m in found.states[EU].objects] == ["ConfigMap"]
    other = migrating(place, JOB.replace("Never", "OnFailure"))
    assert other.states[EU].digest != found.states[EU].digest


def test_a_migration_without_its_job_is_a_problem(place: Place) -> None:
    found = migrating(place, "")
    (problem,) = found.problems[US]
    assert (problem.code, str(problem.location)) == ("FLT-RND-054", "apps/web/app.yaml")
    assert problem.message == "the migration `orders-2` needs one Job of that name, and the app renders none"
