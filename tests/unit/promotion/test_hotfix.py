"""A release passes over an environment: only on record, and the environment that was passed over is not forgotten."""

from __future__ import annotations

import pytest

from fleet.errors import BlockedError
from fleet.operations.forecast import why
from fleet.operations.pull_requests import merge_pull_request
from tests.helpers.promoting import Team, only

REASON = ("--reason", "outage of the shop")


@pytest.fixture
def fix(team: Team) -> Team:
    """A team whose leads may override, with a fix that is live in dev only."""
    team.write({"fleet.yaml": "name: shop\nroles: {leads: [ada@example.com]}\n"})
    path = "environments/prod/environment.yaml"
    team.write({path: team.read(path).replace("{approvals: 1}", "{overrides: {roles: [leads]}}")})
    team.write({"apps/web/templates/more.yaml.j2": "# the fix\n"})
    team.release(version="1.0.1", images={"web": "registry.example/web:1.0.1"})
    team.reconcile("dev")
    return team


def hotfix(team: Team, *more: str, by: str = "Ada") -> tuple[int, str, str]:
    ended = team.fleet("promote", "web", "--from", "dev", "--to", "prod", "--yes", *more, by=by)
    return ended.returncode, ended.stdout, ended.stderr


def test_no_environment_is_passed_over_without_saying_so(fix: Team) -> None:
    status, _, err = hotfix(fix)
    assert (status, "--skip-order --reason TEXT" in err) == (2, True)
    status, _, err = hotfix(fix, "--skip-order")
    assert (status, "needs a reason" in err) == (2, True)
    status, _, err = hotfix(fix, "--skip-order", *REASON, by="Bob")
    assert (status, "does not let Bob" in err) == (1, True)


def test_a_hotfix_is_recorded_and_tells_which_environment_it_passed_over(fix: Team) -> None:
    status, out, err = hotfix(fix, "--skip-order", *REASON)
    assert status == 0, err
    assert "Hotfix dev -> prod" in out
    assert "[failed] order(prod): `staging` is passed over" in out
    assert "overridden by Ada" in out
    assert "`staging` is passed over: promote the release there too" in err
    (request,) = fix.pull_requests()
    fix.merge(request.number)
    (entry,) = fix.history(environment="prod", limit=1)
    assert (entry.kind.value, entry.source) == ("hotfix", "dev")
    assert entry.trailers["Fleet-Override"] == ("order by Ada <ada@example.com>: outage of the shop",)


def test_the_next_promotion_does_not_undo_the_hotfix_unnoticed(fix: Team) -> None:
    hotfix(fix, "--skip-order", *REASON)
    fix.merge(fix.pull_requests()[0].number)
    with fix.desk() as desk:
        held = {gate.kind: gate for gate in why(desk, "web", "prod").held_by}
    assert "which 1.0.0" in held["order"].reason
    (to_staging,) = fix.promote("staging")
    assert to_staging.pull_request
    fix.merge(to_staging.pull_request)
    with fix.desk() as desk:
        assert why(desk, "web", "prod").nothing_to_do


def test_a_hotfix_by_hand_is_held(fix: Team) -> None:
    hotfix(fix, "--skip-order", *REASON)
    (request,) = fix.pull_requests()
    message = fix.message(request.head).replace(
        "Fleet-Override: order by Ada <ada@example.com>: outage of the shop", ""
    )
    pin = fix.read("environments/prod/apps/web.yaml", request.head)
    from fleet.model.pull_request import PullRequestDraft
    from tests.helpers.git import push_file

    head = push_file(fix.people["Bob"].root, "sly", "environments/prod/apps/web.yaml", pin, message.strip())
    with fix.people["Bob"].services() as services:
        services["repository"].fetch()
        draft = PullRequestDraft(title="Sly", body="", branch="sly", base_branch="main", head=head)
        number = services["forge"].open(draft).number
        with pytest.raises(BlockedError, match=r"order\(prod\)"):
            merge_pull_request(number, **only(services, merge_pull_request))


def test_an_earlier_release_of_the_source_can_be_named(fix: Team) -> None:
    fix.release(version="1.1.0", images={"web": "registry.example/web:1.1.0"})
    named = fix.fleet("promote", "web", "--to", "staging", "--from-release", "1.0.1", "--dry-run")
    assert "brings 1 commit" in named.stdout
    assert (named.returncode, "[passed] health(dev): healthy at 1.0.1" in named.stdout) == (0, True)
    fix.reconcile("dev")
    gone = fix.fleet("promote", "web", "--to", "staging", "--from-release", "1.0.1", "--dry-run")
    assert (gone.returncode, "[pending] health(dev): dev: 1.0.1" in gone.stdout) == (4, True)
    unknown = fix.fleet("promote", "web", "--to", "staging", "--from-release", "9.9.9", "--dry-run")
    assert (unknown.returncode, "never had a release `9.9.9` in `dev`" in unknown.stderr) == (2, True)
