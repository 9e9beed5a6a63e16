"""Whole invocations on a fleet whose apps require something of each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.git import IDENTITY_VARIABLES
from tests.helpers.promoting import Team

HEAD = "namespace: {app}\nimages:\n  web: registry.example/web:1.0.0\nvalues: {{ratings: {{enabled: false}}}}\n"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    return Team(tmp_path, ["web", "reviews"], dev="{releases: direct}")


def released(team: Team, app: str, declares: str, *environments: str, image: str) -> None:
    """Release an app that declares something, and bring it as far as the environments say."""
    team.write({f"apps/{app}/app.yaml": HEAD.format(app=app) + declares})
    assert team.release(app, images={"web": f"registry.example/web:{image}"}, bump="minor").ok
    team.reconcile("dev", "staging", "prod")
    for environment in environments:
        (result,) = team.promote(environment, app)
        assert result.pull_request is not None, result
        team.merge(result.pull_request)
        team.reconcile(environment)


def test_a_promotion_waits_for_what_it_requires_and_says_how_to_get_it(team: Team) -> None:
    released(team, "reviews", "provides: {apis: {reviews: 1.0.0}}\n", "staging", "prod", image="r1")
    released(team, "reviews", "provides: {apis: {reviews: 2.0.0}}\n", "staging", image="r2")
    released(team, "web", "requires: {apis: {reviews: ^2}}\n", "staging", image="w1")
    held = team.fleet("promote", "web", "--to", "prod", "--yes")
    assert held.returncode == 4
    assert "`web` 1.1.0 requires the API `reviews` `^2`, and `reviews` 1.1.0 provides 1.0.0" in held.stderr
    assert "hint: fleet promote reviews --to prod" in held.stderr
    (result,) = team.promote("prod", "reviews")
    team.merge(result.pull_request or 0)
    team.reconcile("prod")
    opened = team.fleet("promote", "web", "--to", "prod", "--yes")
    assert opened.returncode == 0, opened.stderr
    team.merge(int(opened.stdout.partition("opened #")[2].split()[0]))
    team.reconcile("prod")
    back = team.fleet("rollback", "reviews", "--env", "prod", "--yes")
    assert back.returncode == 4
    assert "`web` 1.1.0 requires the API `reviews` `^2`, and `reviews` 1.1.0 provides 1.0.0" in back.stderr


def test_a_rollback_past_a_contract_is_refused(team: Team) -> None:
    schema = "provides: {{schemas: {{orders: {0}}}}}\nrequires: {{schemas: {{orders: '{1}'}}}}\n"
    released(team, "web", schema.format("1.0.0", "^1"), image="w1")
    released(team, "web", schema.format("1.1.0", ">=1 <3"), image="w2")
    released(team, "web", schema.format("2.0.0", ">=1.1 <3"), image="w3")
    back = team.fleet("rollback", "web", "--env", "dev", "--to", "1.1.0", "--yes")
    assert back.returncode == 4
    assert "`dev` has it at 2.0.0; a rollback does not undo a migration" in back.stderr
    assert "hint: fleet rollback web --env dev --to 1.2.0" in back.stderr
    assert team.fleet("rollback", "web", "--env", "dev", "--to", "1.2.0", "--yes").returncode == 0


def test_apps_are_promoted_in_the_order_of_their_dependencies(team: Team) -> None:
    released(team, "reviews", "dependsOn: [web]\n", image="r1")
    released(team, "web", "", image="w1")
    ended = team.fleet("promote", "reviews", "web", "--to", "staging", "--yes", "-o", "json")
    assert [one["app"] for one in json.loads(ended.stdout)["data"]["results"]] == ["web", "reviews"]


def test_an_api_that_the_cluster_removed_holds_and_a_deprecated_one_warns(team: Team) -> None:
    budget = '{"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}'
    team.write({"apps/web/templates/more.yaml.j2": budget})
    team.reconcile("dev", kubernetes="v1.24.3")
    warned = team.fleet("release", "web", "--image", "web=registry.example/web:2", "--yes")
    assert warned.returncode == 0, warned.stderr
    assert "uses policy/v1beta1, which is deprecated since Kubernetes 1.21 and removed in 1.25" in warned.stderr
    team.reconcile("dev")
    team.reconcile("staging", kubernetes="v1.36.1")
    held = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert held.returncode == 4
    assert "which Kubernetes removed in 1.25; use policy/v1 PodDisruptionBudget: staging (1.36)" in held.stderr
    team.reconcile("staging", unreachable=True)
    pending = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert pending.returncode == 4
    assert "the Kubernetes version of staging is not known" in pending.stderr


def test_validate_tells_places(team: Team) -> None:
    team.write({"apps/web/app.yaml": HEAD.format(app="web") + "requires:\n  apis:\n    nothing: '^1'\n"})
    ended = team.fleet("validate", "--revision", "origin/main", by="Bob")
    assert ended.returncode == 1
    assert "apps/web/app.yaml\n  7:5     error    FLT-CFG-091" in ended.stdout
