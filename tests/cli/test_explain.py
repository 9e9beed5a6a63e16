"""`fleet explain` as people use it: whole invocations on real repositories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tests.cli.test_validate import Repository
from tests.helpers.invocations import Invocation


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop", {})
    made.write(
        {
            "environments/prod/environment.yaml": (
                "promotesFrom: dev\nclusters:\n  matchLabels: {tier: prod}\nvalues:\n  replicas: 2\n  hosts: [a, b]\n"
            ),
            "clusters/prod-eu.yaml": (
                "labels: {tier: prod, region: eu}\naccess: {context: prod-eu}\n"
                "values:\n  hosts: [c]\n  replicas: null\n"
            ),
            "environments/prod/apps/web.yaml": (
                f"release:\n  version: 1.0.0\n  revision: {made.commit}\n"
                "  images:\n    web: registry.example/web:2\n  values:\n    ratings.enabled: true\n"
            ),
        }
    )
    return made


def explain(repository: Repository, *arguments: str) -> Invocation:
    return repository.fleet("explain", *arguments)


def test_every_value_with_its_place_and_what_it_hides(repository: Repository) -> None:
    assert explain(repository, "web", "-e", "prod", "-c", "prod-eu").snapshot == snapshot("""\
exit 0
--- stdout
web/prod/prod-eu
release  1.0.0 (COMMIT)  pinned  environments/prod/apps/web.yaml:1:1

VALUE            IS                          SET BY            AT
images.web       registry.example/web:2      release prod/web  environments/prod/apps/web.yaml:5:5
  hides          registry.example/web:1.0.0  app web           -
hosts            ["c"]                       cluster prod-eu   clusters/prod-eu.yaml:4:3
  hides          ["a", "b"]                  environment prod  environments/prod/environment.yaml:6:3
ratings.enabled  true                        release prod/web  environments/prod/apps/web.yaml:7:5
  hides          false                       app web           apps/web/app.yaml:7:5
replicas         (removed)                   cluster prod-eu   clusters/prod-eu.yaml:5:3
  hides          2                           environment prod  environments/prod/environment.yaml:5:3
  hides          1                           app web           apps/web/app.yaml:5:3
""")


def test_one_value(repository: Repository) -> None:
    assert explain(repository, "web", "replicas", "-c", "prod-us").snapshot == snapshot("""\
exit 0
--- stdout
web/prod/prod-us
release  1.0.0 (COMMIT)  pinned  environments/prod/apps/web.yaml:1:1

VALUE     IS  SET BY            AT
replicas  2   environment prod  environments/prod/environment.yaml:5:3
  hides   1   app web           apps/web/app.yaml:5:3
""")


def test_an_environment_with_one_cluster_needs_no_more(repository: Repository) -> None:
    assert explain(repository, "web", "ratings", "-e", "dev").status == 0


def test_json_holds_the_same(repository: Repository) -> None:
    answer = explain(repository, "web", "images", "-e", "prod", "-c", "prod-eu", "-o", "json")
    document = json.loads(answer.out)
    assert document["schema"] == "fleet.explain/v1"
    assert document["data"]["images"] == snapshot(
        [
            {
                "name": "web",
                "reference": "registry.example/web:2",
                "source": "release prod/web",
                "location": {"path": "environments/prod/apps/web.yaml", "line": 5, "column": 5},
                "hidden": "registry.example/web:1.0.0",
            }
        ]
    )
    assert document["data"]["values"] == []


def test_an_app_that_was_not_released_is_shown_as_it_stands(repository: Repository) -> None:
    repository.write({"environments/dev/apps/web.yaml": "values: {replicas: 7}\n"})
    assert explain(repository, "web", "replicas", "-e", "dev").snapshot == snapshot("""\
exit 0
--- stdout
web/dev/dev
release  none  not released yet: shown as it stands in DIR  environments/dev/apps/web.yaml

VALUE     IS  SET BY       AT
replicas  7   pin dev/web  environments/dev/apps/web.yaml:1:10
  hides   1   app web      apps/web/app.yaml:5:3
""")


def test_an_app_that_follows_a_branch_is_read_there(repository: Repository) -> None:
    repository.write(
        {
            "environments/dev/environment.yaml": "track: main\nclusters: {names: [dev]}\n",
            "environments/dev/apps/web.yaml": "values: {replicas: 7}\n",
            "apps/web/app.yaml": "values: {replicas: 99}\n",
        }
    )
    answer = explain(repository, "web", "replicas", "-e", "dev")
    assert "follows branch `main`" in answer.out
    assert "99" not in answer.out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("wep", "-e", "prod"), "there is no app `wep`", "did you mean `web`?"),
        (("web", "-e", "prdo"), "there is no environment `prdo`", "did you mean `prod`?"),
        (("web", "-e", "prod"), "`-c` is missing", "add one of `-c prod-eu`, `-c prod-us`"),
        (("web",), "`-e` is missing", "add one of `-e dev`, `-e prod`"),
        (("web", "-e", "prod", "-c", "dev"), "there is no cluster `dev` in `prod`", "there is `prod-eu`, `prod-us`"),
        (("web", "-c", "prod-ue"), "there is no cluster `prod-ue`", "did you mean `prod-us`?"),
        (("web", "replica", "-c", "dev"), "no layer of web/dev/dev sets `replica`", "did you mean `replicas`?"),
        (("web", "a..b", "-c", "dev"), "`a..b` is not a dotted path", None),
    ],
)
def test_names_that_are_not_there(
    repository: Repository, arguments: tuple[str, ...], message: str, hint: str | None
) -> None:
    answer = explain(repository, *arguments)
    assert answer.status == 2
    assert message in answer.err
    assert hint is None or f"hint: {hint}" in answer.err


def test_a_fleet_with_errors_is_not_explained(repository: Repository) -> None:
    repository.write({"clusters/dev.yaml": "access: {}\n"})
    assert explain(repository, "web", "-e", "prod", "-c", "prod-eu").snapshot == snapshot("""\
exit 1
--- stderr
error[FLT-CFG-071]: `access` names neither a `context` nor a `sandbox` cluster
  at clusters/dev.yaml:1:1

hint: write `access: {context: NAME}`, with `kubeconfig: PATH` if it is not in the default file

error[FLT-CFG-001]: the fleet in DIR has 1 error
""")
