"""What moves with a release and what stays, on real git."""

from __future__ import annotations

import re

import pytest

from fleet.errors import UsageError
from fleet.model.change import MASK
from fleet.model.promotion import PromotionOutcome, PromotionPlan, ValueDecision
from fleet.operations.common.carrying import parse_takes
from fleet.operations.common.deciding import Wishes
from tests.helpers.promoting import Team

KEY = "ratings.enabled"


def release(team: Team, **values: object) -> None:
    """Release to dev, and bring it to its cluster."""
    given = {path.replace("__", "."): value for path, value in values.items()}
    team.release(bump="minor", images={"web": f"web:{team.head()[:8]}"}, values=given)
    team.reconcile("dev")


def promote(team: Team, *takes: str) -> PromotionPlan:
    """Promote to staging, merge what can be merged, and reconcile; return the plan."""
    (result,) = team.promote("staging", wishes=Wishes(takes=parse_takes(takes)))
    if result.outcome in (PromotionOutcome.OPENED, PromotionOutcome.UPDATED):
        assert result.pull_request is not None
        team.merge(result.pull_request)
        team.reconcile("staging")
    assert result.plan is not None
    return result.plan


def by_hand(team: Team, value: str, environment: str = "staging") -> str:
    """Change the value of the release by an ordinary commit, as Bob."""
    text = team.pin(environment)
    line = f"    {KEY}: {value}\n"
    text = re.sub(rf"    {KEY}: .*\n", line, text) if KEY in text else f"{text}  values:\n{line}"
    return team.write({f"environments/{environment}/apps/web.yaml": text}, f"Set {KEY}")


def value(team: Team, environment: str = "staging") -> str:
    found = re.search(rf"{KEY}: (.*)", team.pin(environment))
    return found[1] if found else ""


def decisions(plan: PromotionPlan) -> dict[str, str]:
    return {move.path: move.decision.value for move in plan.values}


@pytest.fixture
def moved(team: Team) -> Team:
    """A value that was released as 1 and promoted to staging."""
    release(team, ratings__enabled=1)
    assert decisions(promote(team)) == {KEY: "moved"}
    return team


def test_a_value_moves_with_the_commit_that_set_it(moved: Team) -> None:
    assert value(moved) == "1"
    release(moved, ratings__enabled=2)
    promote(moved)
    assert value(moved) == "2"


def test_who_set_it_is_the_one_who_released_it(moved: Team) -> None:
    moved.write(
        {"environments/prod/environment.yaml": "promotesFrom: staging\nclusters: {names: [prod-eu, prod-us]}\n"}
    )
    result = moved.plan("prod").planned[0].plan
    assert result is not None
    theirs = result.values[0].theirs
    assert theirs is not None
    assert (theirs.environment, theirs.version, theirs.author) == ("dev", "1.1.0", "Ada <ada@example.com>")
    assert str(theirs.location) == "environments/staging/apps/web.yaml:8:5"


def test_what_was_changed_there_only_is_kept_again_and_again(moved: Team) -> None:
    commit = by_hand(moved, "7")
    for _ in range(2):
        release(moved)
        plan = promote(moved)
        (move,) = plan.values
        assert move.decision is ValueDecision.KEPT
        assert move.ours is not None
        assert (move.ours.value, move.ours.commit, move.ours.author) == (7, commit, "Bob <bob@example.com>")
        assert value(moved) == "7"
    assert plan.after.version == "1.3.0"


def test_the_same_promotion_again_is_nothing_to_do(moved: Team) -> None:
    by_hand(moved, "7")
    release(moved)
    promote(moved)
    head = moved.head()
    assert promote(moved).nothing_to_do
    assert moved.head() == head
    assert {e.outcome for e in moved.promote("staging")} == {PromotionOutcome.NOTHING}


def test_health_is_asked_for_what_runs_in_the_source(moved: Team) -> None:
    by_hand(moved, "7")
    release(moved)
    plan = promote(moved)
    assert plan.gates[0].reason.startswith("healthy at 1.2.0")
    assert plan.proven.values == {KEY: 1}


def test_a_merged_release_goes_on_from_where_it_landed(moved: Team) -> None:
    by_hand(moved, "7")
    release(moved)
    promote(moved)
    plan = moved.plan("prod").planned[0].plan
    assert plan is not None
    assert plan.after.values == {KEY: 7}
    assert not plan.blocked_by


def test_changed_on_both_sides_is_a_conflict_and_nothing_is_written(moved: Team) -> None:
    commit = by_hand(moved, "7")
    release(moved, ratings__enabled=2)
    head, branches = moved.head(), moved.branches()
    (result,) = moved.promote("staging")
    assert result.outcome is PromotionOutcome.BLOCKED
    assert (moved.head(), moved.branches()) == (head, branches)
    assert result.plan is not None
    (move,) = result.plan.conflicts
    sides = [side.value if side else None for side in (move.base, move.ours, move.theirs)]
    assert sides == [1, 7, 2]
    assert move.ours is not None
    assert (move.ours.commit, str(move.ours.location)) == (commit, "environments/staging/apps/web.yaml:8:5")
    assert result.error is not None
    assert result.error.exit_code == 4
    assert f"--take {KEY}=theirs" in result.error.hints[0]


@pytest.mark.parametrize(
    ("take", "expected"), [("theirs", "2"), ("ours", "7"), (f"{KEY}=theirs", "2"), ("ratings=ours", "7")]
)
def test_a_conflict_is_decided_once(moved: Team, take: str, expected: str) -> None:
    by_hand(moved, "7")
    release(moved, ratings__enabled=2)
    plan = promote(moved, take)
    assert value(moved) == expected
    message = moved.message(f"{moved.head()}^2")
    assert f"Fleet-Taken: {KEY}={take.rpartition('=')[2]}" in message
    assert promote(moved).nothing_to_do
    release(moved)
    again = promote(moved)
    assert not again.conflicts
    assert value(moved) == expected
    assert plan.digest != again.digest


def test_an_open_proposal_remembers_what_was_decided_until_a_side_changes(moved: Team) -> None:
    by_hand(moved, "7")
    release(moved, ratings__enabled=2)
    (first,) = moved.promote("staging", wishes=Wishes(takes=parse_takes([f"{KEY}=theirs"])))
    (again,) = moved.promote("staging")
    assert (again.outcome, again.commit) == (PromotionOutcome.UNCHANGED, first.commit)
    release(moved, ratings__enabled=3)
    (newer,) = moved.promote("staging")
    assert newer.outcome is PromotionOutcome.BLOCKED


def test_after_a_rollback_the_release_can_be_promoted_again(moved: Team) -> None:
    release(moved, ratings__enabled=2)
    promote(moved)
    before = moved.pin("staging")
    back = moved.rollback("staging")
    assert back.pull_request is not None
    moved.merge(back.pull_request)
    assert value(moved) == "1"
    assert moved.fleet("release-hold", "web", "-e", "staging").returncode == 0
    plan = promote(moved)
    assert decisions(plan) == {KEY: "moved"}
    assert moved.pin("staging") == before


def test_a_value_that_is_promotable_no_longer_is_dropped(moved: Team) -> None:
    app = moved.read("apps/web/app.yaml").replace("[ratings.enabled]", "[replicas]")
    moved.write({"apps/web/app.yaml": app}, "Promote replicas")
    release(moved)
    plan = promote(moved)
    assert decisions(plan) == {KEY: "dropped"}
    assert value(moved) == ""


def test_environment_owned_values_stay(moved: Team) -> None:
    moved.write({"environments/staging/apps/web.yaml": moved.pin("staging") + "values: {replicas: 5} # ours\n"})
    release(moved, ratings__enabled=2)
    promote(moved)
    assert moved.pin("staging").endswith("values: {replicas: 5} # ours\n")


def test_promote_then_rollback_restores_the_pin_byte_for_byte(moved: Team) -> None:
    by_hand(moved, "7 # for the fair")
    start = moved.pin("staging")
    release(moved, ratings__enabled=2)
    promote(moved, "theirs")
    assert moved.pin("staging") != start
    back = moved.rollback("staging")
    assert back.pull_request is not None
    moved.merge(back.pull_request)
    assert moved.pin("staging") == start


def test_the_texts_tell_what_was_kept_and_by_whom(moved: Team) -> None:
    commit = by_hand(moved, "7")
    release(moved)
    (result,) = moved.promote("staging")
    message = moved.message(result.commit or "")
    assert f"{KEY}: kept, 7 (Bob, {commit[:7]} in staging)" in message
    assert f"Fleet-Kept: {KEY}" in message
    body = moved.pull_requests()[0].body
    assert f"| `{KEY}` | `7` | `7` | kept | `Bob, {commit[:7]} in staging` |" in body


def test_secrets_are_in_no_text(team: Team) -> None:
    app = team.read("apps/web/app.yaml").replace("[ratings.enabled]", "[db.password]")
    team.write({"apps/web/app.yaml": app}, "A mistake")
    release(team, db__password="hunter2")
    team.clusters.store("dev")
    (result,) = team.promote("staging")
    assert result.plan is not None
    assert result.plan.values[0].theirs is not None
    assert result.plan.values[0].theirs.value == MASK


@pytest.mark.parametrize("text", ["mine", "a..b=ours", "a=mine", ""])
def test_a_choice_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a choice"):
        parse_takes([text])


def test_a_side_of_nothing(moved: Team) -> None:
    release(moved, ratings__enabled=2)
    with pytest.raises(UsageError, match="`replicas` is no value that differs") as caught:
        promote(moved, "replicas=ours")
    assert caught.value.hints == (f"these differ: `{KEY}`",)
