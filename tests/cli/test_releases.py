"""`fleet releases` as people and cron use it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.git import IDENTITY_VARIABLES
from tests.helpers.oci import CHART, MemoryRegistry, memory_registry
from tests.helpers.promoting import Team, normal

TAGS = ["1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "latest"]


class Shop:
    """A team whose apps `web` and `api` are discovered in a registry."""

    def __init__(self, directory: Path, registry: MemoryRegistry, host: str, dev: str, more: str = "") -> None:
        self.registry, self.host = registry, host
        self.team = Team(directory, ("web", "api"), dev=dev)
        self.allow(host)
        self.rules("web", more)
        self.rules("api", more)

    def allow(self, host: str) -> None:
        self.team.write({"fleet.yaml": f"name: shop\nallowedHosts: ['{host}']\n"})

    def rules(self, app: str, more: str = "", rule: str = "{range: '^1'}") -> None:
        """Write what is discovered of an app."""
        self.team.write(
            {
                f"apps/{app}/app.yaml": f"namespace: {app}\nimages:\n  web: {self.host}/{app}:1.0.0\n"
                f"values: {{ratings: {{enabled: false}}}}\npromotable: [ratings.enabled]\n"
                f"discover:\n  images:\n    web: {rule}\n{more}",
            }
        )

    def discover(self, *arguments: str, by: str = "Ada") -> subprocess.CompletedProcess[str]:
        return self.team.fleet("releases", "discover", *arguments, by=by)

    def image(self, app: str, tag: str) -> str:
        return f"{self.host}/{app}:{tag}@{self.registry.digest(app, tag)}"

    def pinned(self, app: str = "web", revision: str = "main") -> str:
        return self.team.pin("dev", app, revision).replace('"', "")


def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dev: str) -> Iterator[Shop]:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    with memory_registry(web=TAGS, api=["1.0.0"]) as (registry, api):
        yield Shop(tmp_path, registry, f"127.0.0.1:{api.port}", dev)


@pytest.fixture
def direct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    yield from make(tmp_path, monkeypatch, "{releases: direct}")


@pytest.fixture
def reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    yield from make(tmp_path, monkeypatch, "{releases: pull-request}")


def test_what_is_found_is_shown_with_the_reason_of_each_tag_and_nothing_is_written(direct: Shop) -> None:
    head = direct.team.head()
    ended = direct.discover("-a", "web", "--dry-run", "-o", "wide")
    assert ended.returncode == 0, ended.stderr
    lines = [" ".join(line.split()) for line in normal(ended.stdout).splitlines() if line.strip()]
    assert lines[:9] == [
        "APP ENVIRONMENT IMAGE NOW NEWER TAGS",
        "web dev web 1.0.0 1.1.0 5, 3 skipped",
        f"web: web, in {direct.host}/web",
        "TAG VERSION VERDICT REASON",
        "2.0.0 2.0.0 skipped not in the range `^1`",
        "1.2.0-rc.1 1.2.0-rc.1 skipped a pre-release",
        "1.1.0 1.1.0 newest the newest that fits",
        "1.0.0 1.0.0 present runs now",
        "latest - skipped no version: the form is `{version}`",
    ]
    assert lines[-1] == "would commit: Release web 1.0.1 to dev"
    assert direct.team.head() == head


def test_a_newer_image_is_released_once_with_its_digest(direct: Shop) -> None:
    ended = direct.discover("--yes", "-o", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["schema"], document["ok"]) == (0, "fleet.releases.discover/v1", True)
    apps = {app["app"]: app for app in document["data"]["apps"]}
    assert apps["web"]["images"][0]["proposed"] == direct.image("web", "1.1.0")
    assert apps["web"]["result"]["outcome"] == "committed"
    assert apps["api"]["result"] is None
    assert f"web: {direct.image('web', '1.1.0')}" in direct.pinned()
    assert "version: 1.0.1" in direct.pinned()
    head = direct.team.head()
    again = direct.discover("--yes")
    assert (again.returncode, "nothing newer" in again.stdout) == (0, True)
    assert direct.team.head() == head


def test_without_a_terminal_somebody_has_to_say_yes(direct: Shop) -> None:
    ended = direct.discover()
    assert ended.returncode == 2
    assert "add `--yes`" in ended.stderr


def test_the_release_takes_the_version_of_an_image_where_it_is_free(direct: Shop) -> None:
    direct.rules("web", "  versionOf: web\n")
    direct.discover("-a", "web", "--yes")
    assert "version: 1.1.0" in direct.pinned()
    direct.registry.push("web", "1.1.1")
    direct.team.release(version="1.1.1", values={"ratings.enabled": True})
    direct.discover("-a", "web", "--yes")
    assert "version: 1.1.2" in direct.pinned()
    assert direct.image("web", "1.1.1") in direct.pinned()


def test_what_the_environment_went_back_from_does_not_come_again(direct: Shop) -> None:
    direct.discover("--yes")
    direct.team.merge(direct.team.rollback("dev").pull_request or 0)
    assert "1.1.0" not in direct.pinned()
    ended = direct.discover("-a", "web", "--dry-run", "-o", "wide")
    assert "came with 1.0.1, which dev went back from" in " ".join(ended.stdout.split())
    assert "nothing newer" in ended.stdout


def test_one_pull_request_for_each_app_is_brought_up_to_date(reviewed: Shop) -> None:
    reviewed.registry.push("api", "1.5.0")
    opened = reviewed.discover("--yes")
    assert opened.returncode == 0, opened.stderr
    assert sorted(reviewed.team.branches()) == ["fleet/release/dev/api", "fleet/release/dev/web", "main"]
    numbers = {p.title: p.number for p in reviewed.team.pull_requests()}
    assert set(numbers) == {"Release web 1.0.1 to dev", "Release api 1.0.1 to dev"}
    heads = {branch: reviewed.team.head(branch) for branch in reviewed.team.branches()}
    reviewed.discover("--yes")
    assert {branch: reviewed.team.head(branch) for branch in reviewed.team.branches()} == heads
    reviewed.registry.push("web", "1.6.0")
    updated = reviewed.discover("--yes")
    assert f"updated #{numbers['Release web 1.0.1 to dev']}" in updated.stdout
    assert reviewed.image("web", "1.6.0") in reviewed.pinned(revision="fleet/release/dev/web")
    assert {p.number for p in reviewed.team.pull_requests()} == set(numbers.values())


def test_a_pull_request_that_a_person_made_is_left_to_them(reviewed: Shop) -> None:
    reviewed.team.release(values={"ratings.enabled": True})
    head = reviewed.team.head("fleet/release/dev/web")
    ended = reviewed.discover("-a", "web", "--yes")
    assert ended.returncode == 0
    assert "releases `web` 1.0.1 already: it sets values" in " ".join(ended.stderr.split())
    assert reviewed.team.head("fleet/release/dev/web") == head


def test_a_failure_of_one_app_does_not_stop_the_others(direct: Shop) -> None:
    del direct.registry.repositories["api"]
    ended = direct.discover("--yes")
    assert ended.returncode == 1
    assert "error[FLT-REG-008]" in ended.stderr
    assert direct.image("web", "1.1.0") in direct.pinned()


def test_where_every_registry_is_out_of_reach_the_status_is_5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for shop in make(tmp_path, monkeypatch, "{releases: direct}"):
        shop.host = "127.0.0.1:1"
        shop.allow(shop.host)
        shop.rules("web")
        shop.rules("api")
        ended = shop.discover("--yes", "-o", "json")
        assert ended.returncode == 5
        assert {error["code"] for error in json.loads(ended.stdout)["errors"]} == {"FLT-REG-003"}


def test_an_image_without_a_version_is_told_with_the_way_out(direct: Shop) -> None:
    digest = direct.registry.digest("web", "1.0.0")
    direct.team.release(images={"web": f"{direct.host}/web@{digest}"})
    ended = direct.discover("-a", "web", "--yes")
    assert ended.returncode == 1
    assert "nobody can tell which version runs now: it has no tag" in " ".join(ended.stderr.split())
    assert f"fleet release web --image web={direct.host}/web:TAG" in " ".join(ended.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("-a", "wbe"), "did you mean `web`?"), (("-a", "plain"), "has no rules of discovery")],
)
def test_an_app_that_cannot_be_discovered_is_wrong_usage(direct: Shop, arguments: tuple[str, ...], said: str) -> None:
    direct.team.write({"apps/plain/app.yaml": "values: {}\n", "apps/plain/templates/a.yaml.j2": "# a\n"})
    ended = direct.discover(*arguments)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


def test_two_machines_at_once_make_one_release(reviewed: Shop) -> None:
    started = [
        subprocess.Popen(
            reviewed.team.command("releases", "discover", "-a", "web", "--yes", "-o", "json", by=person),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=reviewed.team.environment(),
        )
        for person in ("Ada", "Bob")
    ]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], ended
    assert [p.title for p in reviewed.team.pull_requests()] == ["Release web 1.0.1 to dev"]
    assert reviewed.image("web", "1.1.0") in reviewed.pinned(revision="fleet/release/dev/web")


@pytest.mark.parametrize("point", ["promote.before-push", "promote.after-push", "promote.after-pull-request"])
def test_kill_9_and_again_leads_to_the_same_end(reviewed: Shop, point: str) -> None:
    killed = reviewed.team.fleet("releases", "discover", "-a", "web", "--yes", FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL
    again = reviewed.discover("-a", "web", "--yes")
    assert again.returncode == 0, again.stderr
    assert [p.title for p in reviewed.team.pull_requests()] == ["Release web 1.0.1 to dev"]
    assert reviewed.image("web", "1.1.0") in reviewed.pinned(revision="fleet/release/dev/web")


@pytest.mark.parametrize("point", ["release.before-push", "release.after-push"])
def test_kill_9_of_a_commit_and_again_leads_to_the_same_end(direct: Shop, point: str) -> None:
    killed = direct.team.fleet("releases", "discover", "-a", "web", "--yes", FLEET_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL
    again = direct.discover("-a", "web", "--yes")
    assert again.returncode == 0, again.stderr
    assert "version: 1.0.1" in direct.pinned()
    assert direct.image("web", "1.1.0") in direct.pinned()


def test_versions_of_charts_and_images_are_listed(direct: Shop) -> None:
    direct.registry.push("charts/web", "0.1.0", "0.2.0_build.1", config=CHART)
    ended = direct.team.fleet("releases", "list", f"oci://{direct.host}/charts/web", "--chart")
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[:3] for line in ended.stdout.splitlines()] == [
        ["VERSION", "TAG", "KIND"],
        ["0.2.0+build.1", "0.2.0_build.1", "chart"],
        ["0.1.0", "0.1.0", "chart"],
    ]
    refused = direct.team.fleet("releases", "list", f"{direct.host}/web", "--chart")
    assert (refused.returncode, "is no Helm chart" in refused.stderr) == (1, True)
    inside = direct.team.fleet("releases", "list", f"{direct.host}/web", "--range", "<2", "-o", "json")
    assert [v["tag"] for v in json.loads(inside.stdout)["data"]["versions"]] == ["1.1.0", "1.0.0"]
    for wrong in (f"{direct.host}/web:1.0.0", "A B", "-"):
        assert direct.team.fleet("releases", "list", wrong).returncode == 2
    assert direct.team.fleet("releases", "list", "other.example/web").returncode == 1


def test_a_rejected_release_does_not_come_again_and_a_hold_is_respected(direct: Shop) -> None:
    direct.discover("--yes")
    back = direct.team.fleet("rollback", "web", "--env", "dev", "--reject", "--reason", "it leaks", "--yes")
    assert back.returncode == 0, back.stderr
    direct.team.merge(direct.team.pull_requests()[0].number)
    direct.registry.push("web", "1.5.0")
    head = direct.team.head()
    held = direct.discover("-a", "web", "--yes", "-o", "wide")
    assert held.returncode == 0, held.stderr
    assert "came with 1.0.1, which was rejected: it leaks" in " ".join(held.stdout.split())
    assert "hold(dev)" in held.stderr
    assert direct.team.head() == head
    freed = direct.team.fleet("release-hold", "web", "--env", "dev", "--reason", "mended")
    assert freed.returncode == 0, freed.stderr
    direct.discover("-a", "web", "--yes")
    assert direct.image("web", "1.5.0") in direct.pinned()
