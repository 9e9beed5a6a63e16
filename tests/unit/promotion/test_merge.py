"""A merge happens into the commit whose policy allowed it: somebody moves the base branch between the two."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from fleet.errors import BlockedError, ConflictError
from fleet.model.pull_request import PullRequestDraft, PullRequestState
from fleet.operations.pull_requests import merge_pull_request
from tests.helpers.git import clone, git
from tests.helpers.promoting import Person, Team, only

POLICY = "environments/staging/environment.yaml"


def merge(team: Team, number: int, meanwhile: Callable[[], object]) -> None:
    """Merge as Bob; right before each attempt to merge, something happens on the remote."""
    with team.people["Bob"].services() as services:
        forge = services["forge"]
        real = forge.merge

        def merge_later(*arguments: Any, **options: Any) -> Any:
            meanwhile()
            return real(*arguments, **options)

        forge.merge = merge_later
        merge_pull_request(number, **only(services, merge_pull_request))


def promoted(team: Team) -> int:
    """Open the promotion of web to staging, and return its number."""
    team.release(version="2.0.0")
    team.reconcile("dev")
    (result,) = team.promote("staging")
    assert result.pull_request
    return result.pull_request


def once(action: Callable[[], object]) -> Callable[[], object]:
    actions = [action]
    return lambda: actions.pop()() if actions else None


def test_a_policy_that_comes_right_before_the_merge_holds_it(team: Team) -> None:
    number = promoted(team)
    policy = team.read(POLICY) + "policy: {approvals: 2}\n"
    with pytest.raises(BlockedError, match="0 of 2"):
        merge(team, number, once(lambda: team.write({POLICY: policy})))
    (request,) = team.pull_requests()
    assert request.state is PullRequestState.OPEN
    assert "version: 2.0.0" not in team.pin("staging")


def test_a_change_of_something_else_is_judged_and_kept(team: Team) -> None:
    number = promoted(team)
    merge(team, number, once(lambda: team.write({"docs/notes.md": "hello\n"})))
    assert "version: 2.0.0" in team.pin("staging")
    assert team.read("docs/notes.md") == "hello\n"


def test_a_base_branch_that_does_not_stand_still_is_a_clear_answer(team: Team) -> None:
    number = promoted(team)
    texts = iter(range(100))
    with pytest.raises(ConflictError, match="its base branch moved 5 times") as caught:
        merge(team, number, lambda: team.write({"docs/notes.md": f"{next(texts)}\n"}))
    assert caught.value.code == "FLT-FRG-011"
    assert f"fleet pr merge {number}" in caught.value.hints[0]
    assert "version: 2.0.0" not in team.pin("staging")


def test_processes_that_merge_at_once_all_merge(team: Team) -> None:
    names = [f"merger-{n}" for n in range(3)]
    numbers = [promoted(team)]
    for n, name in enumerate(names):
        team.people[name] = Person(clone(team.origin, team.directory / name, name=name), team.clusters)
        if n:
            team.write({f"docs/{n}.md": "text\n"}, branch=f"topic/{n}")
            with team.people["Ada"].services() as services:
                branch = f"topic/{n}"
                draft = PullRequestDraft(
                    title=branch, body="", branch=branch, base_branch="main", head=team.head(branch)
                )
                numbers.append(services["forge"].open(draft).number)
    processes = [
        subprocess.Popen(
            team.command("pr", "merge", str(number), "--yes", "-o", "json", by=name),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=team.environment(),
        )
        for number, name in zip(numbers, names, strict=True)
    ]
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
        assert json.loads(out)["data"]["state"] == "merged"
    assert team.pull_requests() == ()
    assert "version: 2.0.0" in team.pin("staging")
    assert git(team.origin, "log", "--merges", "--format=%s", "main").count("Merge pull request") == 3
