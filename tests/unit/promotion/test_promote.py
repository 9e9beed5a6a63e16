"""Promotions on a real origin with the local forge; renderer and clusters are in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.engine.trailers import parse
from fleet.errors import ConfigError, UsageError
from fleet.model.gate import Verdict
from fleet.model.promotion import PromotionOutcome
from fleet.operations.promote import prepare, source_of
from tests.helpers.git import IDENTITY_VARIABLES, git, push_file
from tests.helpers.promoting import Team, only, pin_text

BRANCH = "fleet/promote/staging/web"
PIN = "environments/staging/apps/web.yaml"
IMAGE = "registry.example/web:1.1.0"


def released(team: Team, image: str = IMAGE, **more: str) -> None:
    """Put a release into dev, and let it become healthy there."""
    team.release(images={"web": image}, **more)
    team.reconcile("dev")


def test_a_promotion_opens_one_pull_request_that_edits_the_release_blockonly(team: Team) -> None:
    released(team)
    before = team.pin("staging")
    (result,) = team.promote("staging")
    assert (result.outcome, result.pull_request) == (PromotionOutcome.OPENED, 1)
    assert git(team.origin, "diff", "--name-only", "main", BRANCH) == PIN
    after = team.pin("staging", revision=BRANCH)
    assert after == before.replace("version: 1.0.0", "version: 1.0.1") + f"  images:\n    web: {IMAGE}\n"
    assert "# runs 1.0.0" in after
    assert "# the commit" in after
    (request,) = team.pull_requests()
    assert (request.title, request.head, request.branch) == ("Promote web 1.0.1 to staging", result.commit, BRANCH)
    said = parse(team.message(BRANCH))
    assert said["Fleet-Gate"] == ("health(dev)=passed",)
    assert said["Fleet-Plan"] == (result.plan.digest,)  # type: ignore[union-attr]
    assert git(team.origin, "log", "-1", "--format=%an %P", BRANCH) == f"Ada {team.head()}"


def test_doing_it_again_changes_nothing(team: Team) -> None:
    released(team)
    (first,) = team.promote("staging")
    request = team.pull_requests()[0]
    (again,) = team.promote("staging", by="Bob")
    assert (again.outcome, again.commit, again.pull_request) == (PromotionOutcome.UNCHANGED, first.commit, 1)
    assert list(team.pull_requests()) == [request]


def test_main_moving_on_elsewhere_leaves_the_branch_and_its_approvals_alone(team: Team) -> None:
    released(team)
    (first,) = team.promote("staging")
    team.write({"README.md": "unrelated"})
    (again,) = team.promote("staging")
    assert (again.outcome, again.commit) == (PromotionOutcome.UNCHANGED, first.commit)


def test_objects_that_change_in_kind_need_a_new_commit(team: Team) -> None:
    released(team)
    (first,) = team.promote("staging")
    file = "environments/staging/environment.yaml"
    team.write({file: team.read(file) + "values: {replicas: 5}\n"})
    (again,) = team.promote("staging")
    assert again.outcome is PromotionOutcome.UPDATED
    assert again.commit != first.commit
    assert again.pull_request == 1
    assert git(team.origin, "diff", "--name-only", "main", BRANCH) == PIN


def test_a_newer_release_takes_the_place_of_the_older_one(team: Team) -> None:
    released(team)
    team.promote("staging")
    released(team, "registry.example/web:1.2.0", bump="minor")
    (result,) = team.promote("staging", by="Bob")
    assert (result.outcome, result.pull_request) == (PromotionOutcome.UPDATED, 1)
    (request,) = team.pull_requests()
    assert request.title == "Promote web 1.1.0 to staging"
    assert "registry.example/web:1.2.0" in request.body
    assert request.head == team.head(BRANCH)
    assert git(team.origin, "rev-list", "--count", f"main..{BRANCH}") == "1"


def test_what_people_add_to_the_branch_is_not_part_of_a_promotion(team: Team) -> None:
    released(team)
    team.promote("staging")
    root = team.people["Bob"].root
    git(root, "fetch", "--quiet")
    git(root, "checkout", "--quiet", "-B", "mixed", f"origin/{BRANCH}")
    (root / "fleet.yaml").write_text("name: shop\nengine: {parallelism: 9}\n")
    git(root, "commit", "--quiet", "--all", "-m", "and this")
    git(root, "push", "--quiet", "origin", f"mixed:{BRANCH}")
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.UPDATED
    assert git(team.origin, "diff", "--name-only", "main", BRANCH) == PIN


def test_a_release_that_is_not_live_yet_is_held_and_nothing_is_written(team: Team) -> None:
    team.release(images={"web": IMAGE})
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.BLOCKED
    assert result.error is not None
    assert "is not live yet" in result.error.message
    assert result.error.hints == ("fleet reconcile -e dev -a web",)
    assert team.branches() == ["main"]
    assert list(team.pull_requests()) == []


def test_an_unreachable_source_holds_the_promotion(team: Team) -> None:
    released(team)
    team.clusters.store("dev", unreachable=True)
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.BLOCKED
    assert result.plan is not None
    assert result.plan.blocked_by[0].verdict is Verdict.PENDING
    assert "cannot be asked: cluster `dev` cannot be reached" in result.plan.blocked_by[0].reason


def test_a_deployment_that_never_becomes_ready_holds_the_promotion(team: Team) -> None:
    released(team)
    team.reconcile("dev", unready=["web"])
    assert team.promote("staging")[0].outcome is PromotionOutcome.BLOCKED


def test_health_is_asked_for_at_the_release_of_the_source_not_of_the_target(team: Team) -> None:
    released(team)
    team.clusters.store("staging", unreachable=True)
    assert team.promote("staging")[0].outcome is PromotionOutcome.OPENED


def test_the_same_release_is_nothing_to_promote_even_if_nothing_is_healthy(team: Team) -> None:
    team.clusters.store("dev", unreachable=True)
    (result,) = team.promote("staging")
    assert (result.outcome, result.error) == (PromotionOutcome.NOTHING, None)
    assert team.branches() == ["main"]


def test_a_missing_pin_is_made_and_the_app_becomes_part_of_the_environment(team: Team) -> None:
    git(team.people["Bob"].root, "pull", "--quiet")
    git(team.people["Bob"].root, "rm", "--quiet", PIN)
    git(team.people["Bob"].root, "commit", "--quiet", "-m", "gone")
    git(team.people["Bob"].root, "push", "--quiet", "origin", "HEAD:main")
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.OPENED
    assert result.plan is not None
    assert result.plan.before is None
    assert "version: 1.0.0" in team.pin("staging", revision=BRANCH)
    team.merge(1)
    fleet, _ = team.desired()
    assert "web" in fleet.environments["staging"].pins


def test_a_source_without_a_release_is_an_error_with_a_way_out(team: Team) -> None:
    team.write({PIN: "values: {}\n"})
    (result,) = team.promote("prod")
    assert result.error is not None
    assert result.error.message == "`web` has no release in `staging`, so there is nothing to promote"
    assert result.error.hints == ("fleet promote web --to staging",)


@pytest.mark.parametrize(
    ("to", "source", "text"),
    [
        ("moon", None, "there is no environment `moon`"),
        ("dev", None, "is the first environment"),
        ("prod", "dev", "come to `prod` from `staging`, not from `dev`"),
        ("prod", "moon", "there is no environment `moon`"),
    ],
)
def test_environments_have_to_be_neighbours(team: Team, to: str, source: str | None, text: str) -> None:
    fleet, _ = team.desired()
    with pytest.raises(UsageError, match=text):
        source_of(fleet, to, source)
    assert source_of(fleet, "prod", "staging") == "staging"


def test_a_release_that_cannot_be_rendered_for_the_target_is_refused(team: Team) -> None:
    team.write({"apps/web/templates/more.yaml.j2": "broken\n"})
    with pytest.raises(ConfigError, match="cannot be rendered for `dev`") as caught:
        team.release()
    assert caught.value.problems[0].message == "`values.port` is not defined"


def test_plain_secrets_are_not_promoted(team: Team) -> None:
    secret = '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hunter2"}}\n'
    revision = team.write({"apps/web/templates/more.yaml.j2": secret})
    team.write({"environments/dev/apps/web.yaml": pin_text(revision, "1.1.0")})
    team.reconcile("dev")
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.BLOCKED
    assert "secrets: plain values in git" in (result.error.message if result.error else "")
    assert "hunter2" not in result.model_dump_json()


def test_templates_move_with_the_revision_and_the_commits_are_told(team: Team) -> None:
    team.write({"apps/web/templates/more.yaml.j2": "# second\n"}, "Second template")
    team.write({"README.md": "x"}, "Unrelated")
    released(team)
    (result,) = team.promote("staging")
    assert result.plan is not None
    assert [c.subject for c in result.plan.commits] == ["Second template"]
    assert not result.plan.backwards
    assert "Second template" in team.message(BRANCH)


def test_one_app_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(tmp_path, ("api", "web"), dev="{releases: direct}")
    team.release("api", version="2.0.0")
    team.release("web", version="3.0.0")
    team.reconcile("dev")
    results = team.promote("staging", "api", "nope", "web", "api")
    assert [(r.app, r.outcome.value) for r in results] == [("api", "opened"), ("nope", "failed"), ("web", "opened")]
    assert results[1].error is not None
    assert results[1].error.message == "there is no app `nope`"
    assert {r.title for r in team.pull_requests()} == {"Promote api 2.0.0 to staging", "Promote web 3.0.0 to staging"}


def test_a_left_over_pull_request_to_another_release_is_told(team: Team) -> None:
    released(team)
    team.promote("staging")
    team.rollback("dev")
    team.merge(2)
    with team.people["Ada"].services() as services:
        prepared = prepare(["web"], "staging", **only(services, prepare))
    assert prepared.planned[0].result().outcome is PromotionOutcome.NOTHING
    assert "pull request #1 would still move `web`" in str(services["reporter"].events)


def test_a_fleets_own_template_is_read_from_the_protected_branch(team: Team) -> None:
    team.write({"templates/commit-message.j2": "ops({{ environment }}): {{ app }} {{ after.version }}\n"})
    team.write({"templates/pull-request.md.j2": "Our own words about {{ app }}.\n"})
    released(team)
    team.promote("staging")
    assert team.pull_requests()[0].body == "Our own words about `web`.\n"
    assert team.message(BRANCH).startswith("ops(staging): web 1.0.1\n\nFleet-Kind: promotion\n")


@pytest.mark.parametrize("template", ["templates/commit-message.j2", "templates/pull-request.md.j2"])
def test_a_broken_template_is_an_error_before_anything_is_written(team: Team, template: str) -> None:
    released(team)
    push_file(team.people["Bob"].root, "main", template, "{{ nope }}")
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.FAILED
    assert result.error is not None
    assert result.error.location == f"{template}:1"
    assert team.branches() == ["main"]


def test_planning_writes_nothing(team: Team) -> None:
    released(team)
    refs = git(team.origin, "for-each-ref")
    prepared = team.plan("staging")
    assert prepared.planned[0].result().outcome is PromotionOutcome.PLANNED
    assert git(team.origin, "for-each-ref") == refs
