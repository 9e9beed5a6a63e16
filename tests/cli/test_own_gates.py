"""Gates of one's own as people meet them: whole invocations against a real web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.git import git
from tests.helpers.hostile import Hostile, hangs, hostile, says
from tests.helpers.promoting import Team, make_team

ENVIRONMENT = "environments/prod/environment.yaml"


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as running:
        yield running


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Staging runs 1.1.0, and it could go to prod."""
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", values={"ratings.enabled": True})
    made.reconcile("dev")
    (result,) = made.promote("staging")
    assert result.pull_request is not None
    made.merge(result.pull_request)
    made.reconcile("staging")
    return made


def gates(team: Team, server: Hostile, *specs: str) -> None:
    """Write gates into the policy of prod."""
    lines = "".join(f"    - {spec}\n" for spec in specs)
    text = f"promotesFrom: staging\nclusters: {{names: [prod-eu, prod-us]}}\npolicy:\n  gates:\n{lines}"
    team.write({"fleet.yaml": f"name: shop\nallowedHosts: ['{server.place}']\n", ENVIRONMENT: text})


def gate_of(team: Team, name: str, *arguments: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Return the status, the gate as JSON, and all output."""
    done = team.fleet(*arguments, "-o", "json", **environment)
    (one,) = json.loads(done.stdout)["data"]["results"]
    found = (one.get("plan") or one)["gates"]
    (gate,) = [gate for gate in found if gate["name"] == name]
    return done.returncode, gate, done.stdout + done.stderr


PROMOTE = ("promote", "web", "--to", "prod", "--yes")


def test_a_web_service_holds_a_promotion_until_it_agrees(team: Team, server: Hostile) -> None:
    url = server.url("/smoke/{app}?v={version}")
    gates(team, server, f"{{name: smoke, http: {{url: '{url}', expect: body.ok, tokenFrom: CI_TOKEN}}}}")
    server.paths["/smoke/web"] = says({"ok": False})
    status, gate, output = gate_of(team, "smoke(prod)", *PROMOTE, CI_TOKEN="hunter2")
    assert (status, gate["verdict"], gate["reason"]) == (4, "failed", "answered 200, and `body.ok` is false")
    assert "Bearer hunter2" in server.requests[0]
    assert "hunter2" not in output
    server.paths["/smoke/web"] = says({"ok": True})
    status, gate, output = gate_of(team, "smoke(prod)", *PROMOTE, CI_TOKEN="hunter2")
    assert (status, gate["verdict"]) == (0, "passed")
    assert "hunter2" not in output + team.message("fleet/promote/prod/web")
    body = team.fleet("pr", "show", "2", CI_TOKEN="hunter2").stdout
    assert "smoke(prod)" in body
    assert "hunter2" not in body


def test_a_service_that_hangs_holds_what_asks_it_and_nothing_else(team: Team, server: Hostile) -> None:
    gates(
        team,
        server,
        f"{{name: slow, http: {{url: '{server.url('/slow')}', timeout: 300ms}}}}",
        f"{{name: good, http: {{url: '{server.url('/good')}'}}}}",
    )
    server.paths |= {"/slow": hangs(), "/good": says({})}
    status, slow, _ = gate_of(team, "slow(prod)", *PROMOTE)
    assert (status, slow["verdict"]) == (4, "pending")
    assert slow["reason"] == f"`{server.place}` did not answer within 0.3s"
    assert gate_of(team, "good(prod)", *PROMOTE)[1]["verdict"] == "passed"


def test_a_gate_that_holds_the_merge_lets_the_pull_request_be_opened(team: Team, server: Hostile) -> None:
    gates(team, server, f"{{name: smoke, http: {{url: '{server.url('/smoke')}'}}, holds: merge}}")
    server.paths["/smoke"] = says({}, 404)
    assert team.fleet(*PROMOTE).returncode == 0
    held = team.fleet("pr", "merge", "2", "--yes")
    assert held.returncode == 4
    assert "smoke(prod): answered 404, not 200" in held.stderr
    server.paths["/smoke"] = says({})
    assert team.fleet("pr", "merge", "2", "--yes").returncode == 0
    assert "version: 1.1.0" in team.pin("prod")


def test_a_rollback_asks_nobody(team: Team, server: Hostile) -> None:
    gates(team, server, f"{{name: smoke, http: {{url: '{server.url('/smoke')}'}}}}")
    server.paths["/smoke"] = says({})
    assert team.fleet(*PROMOTE).returncode == 0
    assert team.fleet("pr", "merge", "2", "--yes").returncode == 0
    server.paths["/smoke"] = says({}, 404)
    server.requests.clear()
    assert team.fleet("rollback", "web", "--env", "prod", "--yes").returncode == 0
    assert server.requests == []


def test_a_job_is_started_by_promoting_and_not_by_looking(team: Team, server: Hostile) -> None:
    gates(team, server, "{name: verify, job: {image: registry.example/verify:1}}")
    path = team.clusters.directory / "staging.json"

    def jobs() -> list[dict[str, Any]]:
        return [o for o in json.loads(path.read_text())["objects"] if o["kind"] == "Job"]

    for looking in (("why", "web", "--env", "prod"), ("plan",), ("promote", "web", "--to", "prod", "--dry-run")):
        team.fleet(*looking)
        assert jobs() == []
    status, gate, _ = gate_of(team, "verify(prod)", *PROMOTE)
    assert (status, gate["verdict"], gate["reason"]) == (4, "pending", "staging: the Job is waiting to run")
    (job,) = jobs()
    assert job["metadata"]["namespace"] == "web"
    text = path.read_text().replace('"kind": "Job"', '"status": {"conditions": [DONE]}, "kind": "Job"')
    path.write_text(text.replace("DONE", '{"type": "Complete", "status": "True"}'))
    assert gate_of(team, "verify(prod)", *PROMOTE)[:1] == (0,)
    assert len(jobs()) == 1


def test_each_app_of_several_gets_its_own_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    team = make_team(tmp_path, monkeypatch, ["web", "basket"])
    for app in ("web", "basket"):
        team.release(app, version="1.1.0", values={"ratings.enabled": True})
    team.reconcile("dev")
    for result in team.promote("staging", "web", "basket"):
        assert result.pull_request is not None
        team.merge(result.pull_request)
    team.reconcile("staging")
    with hostile() as server:
        gates(team, server, f"{{name: smoke, http: {{url: '{server.url('/{app}')}'}}}}")
        server.paths |= {"/web": says({}), "/basket": says({}, 404)}
        done = team.fleet("promote", "web", "basket", "--to", "prod", "--yes", "-o", "json")
    verdicts = {
        one["app"]: gate["verdict"]
        for one in json.loads(done.stdout)["data"]["results"]
        for gate in one["plan"]["gates"]
        if gate["name"] == "smoke(prod)"
    }
    assert verdicts == {"web": "passed", "basket": "failed"}


def test_validate_tells_what_is_wrong_with_file_line_and_column(team: Team, server: Hostile) -> None:
    gates(
        team,
        server,
        "{name: a, cel: 'environmnt == 1'}",
        "{name: b, http: {url: 'https://evil.example.com/'}}",
    )
    git(team.people["Ada"].root, "pull", "--quiet", "--rebase")
    done = team.fleet("validate")
    assert done.returncode == 1
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "5:23 error FLT-CFG-124 the expression cannot be used: there is no variable `environmnt` here" in lines[1]
    assert lines[0] == ENVIRONMENT
    assert any(line.startswith("6:24 error FLT-CFG-122 the gate may not ask its host") for line in lines)
