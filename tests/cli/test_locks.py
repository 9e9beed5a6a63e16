"""`fleet lock`, `unlock`, `locks`, `hold`, `release-hold` and `reject` as people use them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.model.restriction import Lock
from tests.helpers.git import clone, git
from tests.helpers.promoting import Person, Team, make_team, snapshot


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = make_team(tmp_path, monkeypatch)
    made.release(version="1.1.0", images={"web": "registry.example/web:1.1.0"})
    made.reconcile("dev")
    return made


def test_a_lock_from_beginning_to_end(team: Team) -> None:
    arguments = ("lock", "-c", "staging", "--reason", "staging is rebuilt", "--until", "2099-01-01T12:00+02:00")
    locked = "cluster staging, until TIME UTC: staging is rebuilt\nit holds promotions into staging\n"
    after = "--- stderr\n→ next: fleet unlock staging\n"
    assert snapshot(team, *arguments, by="Bob") == f"exit 0\n--- stdout\nlocked: {locked}{after}"
    assert snapshot(team, *arguments, by="Bob") == f"exit 0\n--- stdout\nwas locked already: {locked}{after}"
    assert snapshot(team, "locks") == (
        "exit 0\n--- stdout\n"
        "KIND  ID       WHAT             UNTIL                 SINCE                 BY   WHY\n"
        "lock  staging  cluster staging  TIME UTC  TIME UTC  Bob  staging is rebuilt\n"
    )
    held = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert held.returncode == 4
    assert "hint: fleet unlock staging\n" in held.stderr
    assert "2099-01-01 10:00 UTC: staging is rebuilt" in held.stderr
    assert snapshot(team, "unlock", "staging") == (
        "exit 1\n--- stderr\n"
        "error[FLT-RST-006]: the lock `staging` belongs to Bob <bob@example.com>: staging is rebuilt\n\n"
        "hint: ask them\nhint: or remove it on record: `fleet unlock staging --force --reason TEXT`\n"
    )
    gone = "cluster staging, locked by Bob <bob@example.com> since TIME UTC: staging is rebuilt\n"
    unlock = ("unlock", "staging", "--force", "--reason", "Bob is away")
    assert snapshot(team, *unlock) == f"exit 0\n--- stdout\nunlocked: {gone}"
    assert snapshot(team, *unlock) == f"exit 0\n--- stdout\nwas unlocked before: {gone}"
    assert team.fleet("promote", "web", "--to", "staging", "--yes").returncode == 0
    assert git(team.origin, "log", "--format=%s | %an", "refs/fleet/restrictions").splitlines() == [
        "Unlock cluster staging of Bob <bob@example.com>, by force | Ada",
        "Lock cluster staging | Bob",
    ]


NAME = "hint: give this one another name with `--id ID`\nhint: fleet unlock prod\n"
WRONG = {
    "somebody else's": (
        ("-e", "prod", "--reason", "mine"),
        1,
        f"error[FLT-RST-005]: there is a lock `prod` of Ada <ada@example.com> already: first\n\n{NAME}",
    ),
    "an unknown environment": (
        ("-e", "prd", "--reason", "x"),
        2,
        "error[FLT-USE-010]: there is no environment `prd`\n\nhint: did you mean `prod`?\n",
    ),
    "an unknown app": (
        ("-a", "wob", "--reason", "x"),
        2,
        "error[FLT-USE-010]: there is no app `wob`\n\nhint: did you mean `web`?\n",
    ),
    "an unknown cluster": (
        ("-c", "prod-eau", "--reason", "x"),
        2,
        "error[FLT-USE-010]: there is no cluster `prod-eau`\n\nhint: did you mean `prod-eu`?\n",
    ),
    "nothing": (
        ("-e", "dev", "-c", "staging", "--reason", "x"),
        2,
        "error[FLT-RST-010]: there is nothing to lock: no environment fits `dev on staging`\n\n"
        "hint: fleet status --clusters\n",
    ),
    "without a reason": (
        ("--reason", "  "),
        2,
        "error[FLT-RST-012]: the reason is empty; others will read it\n\n"
        "hint: say in up to 1000 characters why: `--reason TEXT`\n",
    ),
    "no duration": (
        ("--reason", "x", "--for", "2 hours"),
        2,
        "error[FLT-USE-001]: `--for 2 hours` is not a duration\n\n"
        "hint: write it like `--for 90m`, `--for 2h` or `--for 3d`\n",
    ),
    "for ever": (
        ("--reason", "x", "--for", "99999999d"),
        2,
        "error[FLT-RST-013]: no lock lasts that long\n\nhint: leave it out: until `fleet unlock`\n",
    ),
    "no time": (
        ("--reason", "x", "--until", "tomorrow"),
        2,
        "error[FLT-USE-001]: `--until tomorrow` is not a time\n\n"
        "hint: write it like `2026-03-04T09:00` or `2026-03-04T09:00+01:00`\n",
    ),
    "the past": (
        ("--reason", "x", "--until", "2001-01-01"),
        2,
        "error[FLT-RST-013]: the lock would have ended at TIME UTC already\n",
    ),
    "both": (
        ("--reason", "x", "--for", "2h", "--until", "2099-01-01"),
        2,
        "`--for` and `--until` exclude each other\n",
    ),
    "no name": (
        ("--reason", "x", "--id", "Bad Id"),
        2,
        "error[FLT-RST-011]: `Bad Id` cannot be the name of a lock\n\n"
        "hint: use small letters, digits and `-`, at most 63: `--id release-week`\n",
    ),
    "no label": (
        ("--reason", "x", "-l", "region"),
        2,
        "error[FLT-USE-011]: `region` is not a label that a cluster can have\n\n"
        "hint: write `-l key=value`, for example `-l region=eu`\n",
    ),
}


def test_what_cannot_be_locked_is_refused_and_locks_nothing(team: Team) -> None:
    assert team.fleet("lock", "-e", "prod", "--reason", "first").returncode == 0
    before = git(team.origin, "rev-parse", "refs/fleet/restrictions")
    for name, (arguments, status, text) in WRONG.items():
        said = snapshot(team, "lock", *arguments, by="Bob")
        assert said.startswith(f"exit {status}\n--- stderr\nerror["), name
        assert said.endswith(text), name
    assert git(team.origin, "rev-parse", "refs/fleet/restrictions") == before


def test_locks_that_have_ended_hold_nothing_and_are_listed_only_with_all(team: Team) -> None:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    short = Lock(id="fleet", owner="Bob", reason="short", created=begun, expires=begun + timedelta(minutes=5))
    with team.people["Bob"].services() as services:
        services["restrictions"].lock(short)
    team.fleet("lock", "-e", "prod", "--reason", "long", "--for", "30d")
    listed = json.loads(team.fleet("locks", "--all", "-o", "json").stdout)["data"]
    assert ([k["id"] for k in listed["locks"]], [k["id"] for k in listed["expired"]]) == (["prod"], ["fleet"])
    assert team.fleet("locks", "-o", "name").stdout == "prod\n"
    assert team.fleet("promote", "web", "--to", "staging", "--dry-run").returncode == 0


def test_a_hold_from_beginning_to_end(team: Team) -> None:
    assert snapshot(team, "hold", "web", "-e", "staging", "--reason", "wait for legal") == (
        "exit 0\n--- stdout\nheld: web in staging: wait for legal\n"
        "--- stderr\n→ next: fleet release-hold web -e staging\n"
    )
    held = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert held.returncode == 4
    assert "hint: fleet release-hold web -e staging\n" in held.stderr
    shown = team.fleet("status")
    assert "staging/web is held by Ada: wait for legal\n" in shown.stdout
    gone = "web in staging, held by Ada <ada@example.com> since TIME UTC: wait for legal\n"
    for word in ("released", "was released before"):
        said = snapshot(team, "release-hold", "web", "-e", "staging", "--reason", "legal says yes", by="Bob")
        assert said == f"exit 0\n--- stdout\n{word}: {gone}"
    assert snapshot(team, "release-hold", "web", "-e", "prod") == (
        "exit 2\n--- stderr\nerror[FLT-USE-010]: there is no hold on `web` in `prod`\n\nhint: fleet locks\n"
    )
    assert team.fleet("promote", "web", "--to", "staging", "--yes").returncode == 0


def test_a_rejected_release_is_withdrawn_and_refused_everywhere(team: Team) -> None:
    team.promote("staging")
    rest = (
        "closed #1 Promote web 1.1.0 to staging\n"
        "it is live in dev (1 cluster); go back with `fleet rollback web --env dev`\n"
    )
    reason = ("--reason", "loses orders")
    assert snapshot(team, "reject", "web@1.1.0", *reason, "--dry-run") == (
        f"exit 0\n--- stdout\nwould reject web 1.1.0 (COMMIT): loses orders\n{rest.replace('closed', 'would close')}"
    )
    assert len(team.pull_requests()) == 1
    after = "--- stderr\n→ next: fleet rollback web --env dev\n"
    assert snapshot(team, "reject", "web", "1.1.0", *reason, "--yes") == (
        f"exit 0\n--- stdout\nrejected: web 1.1.0 (COMMIT): loses orders\n{rest}{after}"
    )
    assert team.pull_requests() == ()
    told = team.fleet("pr", "show", "1").stdout
    assert "Withdrawn: Ada <ada@example.com> rejected `web` 1.1.0" in told
    assert told.endswith("loses orders\n")
    again = snapshot(team, "reject", "web@1.1.0", "--reason", "me too", "--yes", by="Bob")
    assert again.startswith("exit 0\n--- stdout\nwas rejected already by Ada <ada@example.com>: web 1.1.0")
    held = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert held.returncode == 4
    assert "rejected: web 1.1.0 (" in held.stderr
    released = team.fleet("release", "web", "--version", "1.2.0", "--image", "web=registry.example/web:1.2.0", "--yes")
    assert released.returncode == 0  # a newer one is not rejected
    back = team.fleet("rollback", "web", "--env", "dev", "--to", "1.1.0", "--yes")
    assert back.returncode == 4
    assert "hint: name another one with `--to VERSION`: `fleet history dev -a web`\n" in back.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("wob@1.1.0",), "error[FLT-USE-010]: there is no app `wob`\n\nhint: did you mean `web`?\n"),
        (
            ("web@1.1.1",),
            "error[FLT-USE-010]: there is no release of `web` called `1.1.1`\n\nhint: did you mean `1.1.0`?\n",
        ),
        (
            ("web",),
            "error[FLT-USE-001]: say which release: `APP@VERSION`, or `APP VERSION`\n\n"
            "hint: fleet reject web@VERSION --reason TEXT\n",
        ),
    ],
)
def test_what_is_no_release_is_not_rejected(team: Team, arguments: tuple[str, ...], text: str) -> None:
    said = snapshot(team, "reject", *arguments, "--reason", "x", "--yes")
    assert said == f"exit 2\n--- stderr\n{text}"


def test_what_somebody_restricts_counts_in_every_clone(team: Team) -> None:
    team.fleet("hold", "web", "-e", "staging", "--reason", "wait")
    team.people["late"] = Person(clone(team.origin, team.directory / "late", name="late"), team.clusters)
    assert team.fleet("promote", "web", "--to", "staging", "--yes", by="late").returncode == 4
    listed = json.loads(team.fleet("locks", "-o", "json", by="late").stdout)["data"]
    assert [(h["app"], h["environment"], h["owner"]) for h in listed["holds"]] == [
        ("web", "staging", "Ada <ada@example.com>")
    ]


def test_nothing_moves_while_the_restrictions_cannot_be_read(team: Team) -> None:
    git(team.origin, "update-ref", "refs/fleet/restrictions", "main")  # a fleet, and no restrictions
    held = team.fleet("promote", "web", "--to", "staging", "--yes")
    assert held.returncode == 4
    for gate in ("lock(staging)", "hold(staging)", "rejected"):
        assert f"{gate}: locks, holds and rejections are not known: `" in held.stderr
    assert team.pull_requests() == ()
    listed = team.fleet("locks")
    assert (listed.returncode, "FLT-RST-002" in listed.stderr) == (1, True)
    assert "locks and holds are not known" in team.fleet("status").stderr


def test_what_people_put_in_the_way_is_in_the_ledger_once_each(team: Team) -> None:
    for arguments in (
        ("lock", "-e", "prod", "--reason", "quarter end", "--id", "q4"),
        ("unlock", "q4"),
        ("unlock", "q4"),
        ("hold", "web", "-e", "prod", "--reason", "wait"),
        ("hold", "web", "-e", "prod", "--reason", "wait"),
        ("release-hold", "web", "-e", "prod"),
        ("reject", "web", "1.0.0", "--reason", "loses orders", "--yes"),
    ):
        ended = team.fleet(*arguments)
        assert ended.returncode == 0, ended.stderr
    log = json.loads(team.fleet("audit", "log", "-o", "json").stdout)["data"]
    entries = log["entries"] if isinstance(log, dict) else log
    kinds = [entry["kind"] for entry in entries if entry["kind"] not in ("decided", "opened", "merged", "closed")]
    assert sorted(kinds) == ["held", "hold-released", "locked", "rejected", "unlocked"]
