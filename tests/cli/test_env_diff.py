"""`fleet env diff`: whole invocations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.fleets import small_fleet
from tests.helpers.git import commit_all, make_repository, write_files

PINS = {path: text for path, text in small_fleet().items() if "/apps/" in path}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a fleet whose dev is one release ahead of prod, with a newer template."""
    files = {path: text for path, text in small_fleet().items() if path not in PINS}
    directory = make_repository(tmp_path_factory.mktemp("env-diff") / "fleet", files)
    old = commit_all(directory)
    write_files(
        directory, {"apps/web/templates/web.yaml.j2": files["apps/web/templates/web.yaml.j2"] + "  new: line\n"}
    )
    new = commit_all(directory)
    for path, text in PINS.items():
        revision = new if "/dev/" in path else old
        write_files(directory, {path: text.replace("4f1c2e" + "0" * 34, revision)})
    commit_all(directory)
    return directory


def fleet(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `fleet env diff` as a process; ids of commits are replaced, since they differ from run to run."""
    command = [sys.executable, "-m", "fleet", "-C", str(root), "env", "diff", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    for path in PINS:
        revision = (root / path).read_text().split("revision: ")[1][:40]
        name = "dev-rev" if "/dev/" in path else "old-rev"
        ended.stdout = ended.stdout.replace(revision, name).replace(revision[:7], name)
    return ended


def data(root: Path, *arguments: str) -> Any:
    return json.loads(fleet(root, *arguments, "-o", "json").stdout)["data"]


def test_releases_come_first_then_values_with_their_files(root: Path) -> None:
    ended = fleet(root, "dev", "prod")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "APP  DEV              PROD             RELEASE",
        "web  1.1.0 (dev-rev)  1.0.0 (old-rev)  version, templates, images, promoted values: carried",
        "",
        "APP  VALUE            DEV    PROD  PROMOTION  SET IN",
        "web  ratings.enabled  false  true  carried    apps/web/app.yaml:7:5 | environments/prod/apps/web.yaml:7:5",
        "web  replicas         1      3     stays      apps/web/app.yaml:5:3 | environments/prod/apps/web.yaml:9:3",
        "",
        "`dev` and `prod` differ in 1 release, 2 values",
    ]
    assert "next: fleet promote web --to prod" in ended.stderr


def test_rendered_objects_tell_what_a_promotion_carries_and_what_stays(root: Path) -> None:
    ended = fleet(root, "dev", "prod", "--rendered")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[6:] == [
        "",
        "web: dev/dev and prod/prod-eu",
        "  carried: a promotion changes prod  (1 changed)",
        "    changed  ConfigMap/web/web",
        "        data.new: added line",
        "  stays: prod afterwards → dev  (1 changed)",
        "    changed  ConfigMap/web/web",
        "        data.replicas: 3 → 1",
        "",
        "`dev` and `prod` differ in 1 release, 2 values, 1 object",
    ]


def test_the_report_as_json(root: Path) -> None:
    report = data(root, "dev", "prod", "-a", "web")
    assert (report["a"], report["b"], report["promotes"], report["objects"]) == ("dev", "prod", True, None)
    assert [(v["path"], v["carried"], v["b"]["source"]) for v in report["values"]] == [
        ("ratings.enabled", "carried", "release prod/web"),
        ("replicas", "stays", "pin prod/web"),
    ]


def test_the_other_way_round_is_no_promotion(root: Path) -> None:
    ended = fleet(root, "prod", "dev")
    assert ended.returncode == 0
    assert "next:" not in ended.stderr


def test_exit_code_on_request(root: Path) -> None:
    assert fleet(root, "dev", "prod", "--exit-code").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["dev", "prd"], "there is no environment `prd`", "did you mean `prod`?"),
        (["dev", "dev"], "environment `dev` cannot differ from itself", "name two environments"),
        (["dev", "prod", "-a", "wbe"], "neither `dev` nor `prod` runs an app `wbe`", "did you mean `web`?"),
    ],
)
def test_names_that_are_not_there(root: Path, arguments: list[str], message: str, hint: str) -> None:
    ended = fleet(root, *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert f"hint: {hint}" in ended.stderr


def test_an_app_that_cannot_be_rendered_is_told_and_the_rest_is_shown(root: Path, tmp_path: Path) -> None:
    copy = make_repository(tmp_path / "copy", {"apps/web/templates/web.yaml.j2": "{{ nobody }}"})
    files = {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*.yaml")}
    write_files(copy, files)
    broken = commit_all(copy)
    for path, text in PINS.items():
        write_files(copy, {path: text.replace("4f1c2e" + "0" * 34, broken)})
    commit_all(copy)
    ended = fleet(copy, "dev", "prod", "--rendered")
    assert ended.returncode == 1
    assert "error[FLT-RND-003]: `nobody` is not defined" in ended.stderr
    assert "apps/web/templates/web.yaml.j2:1" in ended.stderr
    assert "ratings.enabled" in ended.stdout
