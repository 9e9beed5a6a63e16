"""History out of real git: promotions, merges and what people did by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.cli.times import parse_since
from fleet.errors import GitError, UnreachableError, UsageError
from fleet.model.events import Level
from fleet.model.promotion import PromotionKind
from fleet.operations.history import Query, find_entries, read_history
from tests.helpers.git import clone, git
from tests.helpers.promoting import Team, only, pin_text

Row = tuple[str, str, str | None, str | None, int | None]


def rows(team: Team, **query: Any) -> list[Row]:
    return [
        (
            entry.kind.value,
            entry.environment,
            entry.before.version if entry.before else None,
            entry.after.version if entry.after else None,
            entry.pull_request,
        )
        for entry in team.history(**query)
    ]


def test_the_whole_story_from_git_alone(team: Team) -> None:
    team.release(version="1.1.0", images={"web": "a:1"})
    team.reconcile("dev")
    team.promote("staging")
    team.merge(1)
    team.rollback("staging", by="Bob")
    team.merge(2)
    team.write({"environments/prod/apps/web.yaml": pin_text(team.first, "9.0.0")}, "By hand")
    team.write({"environments/prod/apps/web.yaml": pin_text(team.first, "9.0.0", "values: {a: 1}\n")}, "Not a release")
    story: list[Row] = [
        ("release", "prod", "1.0.0", "9.0.0", None),
        ("rollback", "staging", "1.1.0", "1.0.0", 2),
        ("promotion", "staging", "1.0.0", "1.1.0", 1),
        ("release", "dev", "1.0.0", "1.1.0", None),
    ]
    first: list[Row] = [("manual", name, None, "1.0.0", None) for name in ("dev", "prod", "staging")]
    assert rows(team) == [*story, *first]
    assert rows(team, environment="staging") == [story[1], story[2], first[2]]
    assert rows(team, app="web", limit=2) == story[:2]
    entry = team.history(environment="staging")[1]
    assert (entry.source, entry.author, entry.landed_by) == ("dev", "Ada <ada@example.com>", "Bob <bob@example.com>")
    assert entry.trailers["Fleet-Pull-Request"] == ("1",)
    fresh = clone(team.origin, team.directory / "fresh", name="Eve")
    team.people["Eve"] = type(team.people["Ada"])(fresh, team.clusters)
    assert team.history(by="Eve") == team.history()


def test_a_removed_pin_is_an_entry(team: Team) -> None:
    root = team.people["Bob"].root
    git(root, "pull", "--quiet")
    git(root, "rm", "--quiet", "environments/prod/apps/web.yaml")
    git(root, "commit", "--quiet", "-m", "prod has no web any more")
    git(root, "push", "--quiet", "origin", "HEAD:main")
    assert rows(team)[0] == ("manual", "prod", "1.0.0", None, None)


def test_a_pin_that_nobody_can_read_counts_as_none(team: Team) -> None:
    path = "environments/prod/apps/web.yaml"
    team.write({path: "release: [\n"})
    team.write({path: pin_text(team.first, "1.2.0")})
    assert rows(team, environment="prod")[:2] == [
        ("manual", "prod", None, "1.2.0", None),
        ("manual", "prod", "1.0.0", None, None),
    ]


def test_a_commit_that_claims_to_be_a_promotion_is_not_believed(team: Team) -> None:
    lie = "Promote\n\nFleet-Kind: promotion\nFleet-App: web\nFleet-To: prod\nFleet-Version: 2.0.0\n"
    lie += f"Fleet-Release: {team.first}"
    team.write({"environments/prod/apps/web.yaml": pin_text(team.first, "3.0.0")}, lie)
    entry = team.history()[0]
    assert (entry.kind, entry.inferred, entry.trailers) == (PromotionKind.RELEASE, True, {})


def test_since(team: Team) -> None:
    assert rows(team, since=datetime.now(UTC) + timedelta(days=1)) == []
    assert len(rows(team, since=datetime.now(UTC) - timedelta(days=1))) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-01", datetime(2026, 8, 1, tzinfo=UTC)),
        ("2026-08-01T10:00:00+02:00", datetime(2026, 8, 1, 8, tzinfo=UTC)),
        ("7d", datetime(2026, 8, 3, tzinfo=UTC)),
    ],
)
def test_times_that_people_write(text: str, expected: datetime) -> None:
    assert parse_since(text, datetime(2026, 8, 10, tzinfo=UTC)) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        parse_since(text, datetime(2026, 8, 10, tzinfo=UTC))


def test_names_that_were_never_there(team: Team) -> None:
    with pytest.raises(UsageError, match="there is no environment `moon`"):
        team.history(environment="moon")
    with pytest.raises(UsageError, match="there is no app `wob`"):
        team.history(app="wob")


def test_one_entry(team: Team) -> None:
    result = team.release(version="2.0.0")
    assert result.commit is not None
    with team.people["Bob"].services() as services:
        services = only(services, find_entries)
        (entry,) = find_entries(result.commit[:6], fetch=True, **services)
        assert (entry.commit, entry.kind) == (result.commit, PromotionKind.RELEASE)
        for bad in ("xyz", "0" * 12, "abc"):
            with pytest.raises(UsageError):
                find_entries(bad, fetch=False, **services)


def test_without_a_network_it_tells_what_was_fetched_last(team: Team) -> None:
    team.history()
    team.origin.rename(team.directory / "gone.git")
    with team.people["Ada"].services() as services:
        entries = read_history(Query(), **only(services, read_history))
        (event,) = services["reporter"].events
        with pytest.raises(UnreachableError):
            services["repository"].fetch()
    assert len(entries) == 3
    assert event.level is Level.WARN
    assert "as last fetched" in event.text


def test_without_a_protected_branch(team: Team) -> None:
    with team.people["Ada"].services() as services:
        services["branch"] = "trunk"
        with pytest.raises(GitError, match="`trunk` is not there"):
            read_history(Query(), **only(services, read_history))
