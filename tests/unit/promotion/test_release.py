"""Releases into the first environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleet.errors import ConflictError, FleetError, UsageError
from fleet.model.promotion import PromotionOutcome
from tests.helpers.git import IDENTITY_VARIABLES, git
from tests.helpers.promoting import Team, pin_text


def test_a_direct_release_is_one_commit_on_the_branch(team: Team) -> None:
    before = team.head()
    result = team.release(images={"web": "registry.example/web:2.0.0"}, bump="minor")
    assert (result.outcome, result.commit) == (PromotionOutcome.COMMITTED, team.head())
    assert git(team.origin, "log", "-1", "--format=%P") == before
    assert git(team.origin, "diff", "--name-only", before, "main") == "environments/dev/apps/web.yaml"
    assert "version: 1.1.0" in team.pin("dev")
    assert "Fleet-Kind: release" in team.message("main")


def test_by_policy_it_is_a_pull_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(tmp_path, dev="{approvals: 2}")
    result = team.release(version="2.0.0")
    assert (result.outcome, result.pull_request) == (PromotionOutcome.OPENED, 1)
    assert team.pull_requests()[0].branch == "fleet/release/dev/web"
    assert result.plan is not None
    assert result.plan.approvals_wanted
    assert team.release(version="2.0.0").outcome is PromotionOutcome.UNCHANGED


def test_the_same_content_again_is_nothing_to_do(team: Team) -> None:
    team.release(images={"web": "registry.example/web:2.0.0"}, bump="minor")
    head = team.head()
    for request in ({}, {"bump": "major"}, {"images": {"web": "registry.example/web:2.0.0"}}, {"version": "1.1.0"}):
        assert team.release(**request).outcome is PromotionOutcome.NOTHING
    assert team.head() == head


def test_the_same_content_may_get_another_version(team: Team) -> None:
    team.release(version="2.0.0-rc.1")
    assert team.release(version="2.0.0").outcome is PromotionOutcome.COMMITTED
    assert "version: 2.0.0\n" in team.pin("dev")


def test_a_version_never_gets_other_content(team: Team) -> None:
    team.release(version="1.1.0", images={"web": "a:1"})
    with pytest.raises(ConflictError, match=r"version 1\.1\.0 of `web` has other content already"):
        team.release(version="1.1.0", images={"web": "a:2"})
    team.release(version="1.2.0", images={"web": "a:2"})
    with pytest.raises(ConflictError, match="has other content already"):
        team.release(version="1.1.0", images={"web": "a:3"})
    assert team.release(version="1.1.0", images={"web": "a:1"}).outcome is PromotionOutcome.COMMITTED


def test_a_bump_passes_over_versions_that_were_given_away(team: Team) -> None:
    team.release(bump="minor", images={"web": "a:1"})
    team.rollback("dev")
    team.merge(1)
    assert team.fleet("release-hold", "web", "-e", "dev").returncode == 0
    team.release(bump="minor", images={"web": "a:2"})
    assert "version: 1.2.0" in team.pin("dev")


def test_only_a_change_of_the_app_makes_a_new_revision(team: Team) -> None:
    team.write({"README.md": "x"})
    assert team.release().outcome is PromotionOutcome.NOTHING
    changed = team.write({"apps/web/templates/more.yaml.j2": "# second\n"})
    team.write({"README.md": "y"})
    assert team.release().outcome is PromotionOutcome.COMMITTED
    assert f"revision: {changed} # the commit" in team.pin("dev")
    assert "version: 1.0.1" in team.pin("dev")


def test_values_that_are_promotable_travel(team: Team) -> None:
    result = team.release(values={"ratings.enabled": True})
    assert result.plan is not None
    assert result.plan.after.values == {"ratings.enabled": True}
    result = team.release(images={"web": "a:1"})
    assert result.plan is not None
    assert result.plan.after.values == {"ratings.enabled": True}


def test_what_the_app_no_longer_declares_is_left_behind(team: Team) -> None:
    team.release(values={"ratings.enabled": True}, images={"web": "a:1"})
    text = team.read("apps/web/app.yaml")
    text = text.replace("images:\n  web: registry.example/web:1.0.0\n", "").replace("[ratings.enabled]", "[]")
    team.write({"apps/web/app.yaml": text})
    result = team.release()
    assert result.plan is not None
    assert (result.plan.after.images, result.plan.after.values) == ({}, {})


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"version": "2.0"}, "is not a semantic version"),
        ({"images": {"nope": "x"}}, "declares no image `nope`"),
        ({"images": {"web": "a b"}}, "is not a reference of an image"),
        ({"images": {"web": ""}}, "is not a reference of an image"),
        ({"values": {"replicas": 3}}, "`replicas` does not travel with releases"),
        ({"values": {"a..b": 3}}, "is not a dotted path"),
        ({"environment": "prod"}, "come to `prod` from `staging`, by promotion"),
        ({"environment": "moon"}, "there is no environment `moon`"),
        ({"app": "wob"}, "there is no app `wob`"),
    ],
)
def test_what_cannot_be_released(team: Team, request_: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        team.release(**{"app": "web"} | request_)


def test_only_commits_of_the_protected_branch_are_released(team: Team) -> None:
    topic = team.write({"apps/web/templates/more.yaml.j2": "# unreviewed\n"}, branch="topic")
    with pytest.raises(UsageError, match="is not on the protected branch `main`"):
        team.release(revision=topic)
    with pytest.raises(FleetError, match="there is no `nonsense`"):
        team.release(revision="nonsense")


def test_an_earlier_commit_may_be_released(team: Team) -> None:
    first = team.write({"apps/web/templates/more.yaml.j2": "# second\n"})
    team.write({"apps/web/templates/more.yaml.j2": "# third\n"})
    assert team.release(revision=first[:12]).outcome is PromotionOutcome.COMMITTED
    assert first in team.pin("dev")


def test_a_commit_without_the_app_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(tmp_path, dev="{releases: direct}")
    start = team.head()
    team.write({"apps/api/app.yaml": "namespace: api\n", "apps/api/templates/a.yaml.j2": "# a\n"})
    with pytest.raises(UsageError, match="has no app `api`"):
        team.release("api", revision=start)
    assert team.release("api").plan.after.version == "0.1.0"  # type: ignore[union-attr]


def test_an_environment_that_follows_a_branch_takes_no_releases(team: Team) -> None:
    file = "environments/dev/environment.yaml"
    team.write({file: team.read(file) + "track: main\n", "environments/dev/apps/web.yaml": "values: {}\n"})
    with pytest.raises(UsageError, match="`dev` follows `main`"):
        team.release()


def test_what_follows_a_branch_can_be_promoted(team: Team) -> None:
    file = "environments/dev/environment.yaml"
    team.write({file: team.read(file) + "track: main\n", "environments/dev/apps/web.yaml": "values: {}\n"})
    changed = team.write({"apps/web/templates/more.yaml.j2": "# second\n"})
    team.reconcile("dev")
    (result,) = team.promote("staging")
    assert result.outcome is PromotionOutcome.OPENED
    assert result.plan is not None
    assert result.plan.after.version == f"0.0.0-main.g{changed[:7]}"


def test_several_first_environments_have_to_be_told_apart(team: Team) -> None:
    team.write(
        {
            "clusters/lab.yaml": "access: {context: lab}\n",
            "environments/lab/environment.yaml": "clusters:\n  names: [lab]\npolicy: {releases: direct}\n",
            "environments/lab/apps/web.yaml": pin_text(team.first),
        }
    )
    with pytest.raises(UsageError, match="could enter `dev` or `lab`"):
        team.release(version="2.0.0")
    assert team.release(version="2.0.0", environment="lab").environment == "lab"
