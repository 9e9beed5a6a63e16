"""`fleet validate` and `fleet schema` as people and CI use them: whole invocations on real repositories."""

# ruff: noqa: E501 - lines of output are as long as they are

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from fleet.operations.schema import KINDS, json_schema
from tests.helpers.fleets import small_fleet
from tests.helpers.git import commit_all, git, make_repository, write_files
from tests.helpers.invocations import Invocation, invoke

BROKEN = {
    "environments/prod/environment.yaml": (
        "promotesFrom: dve\nclusters:\n  names: [prod-eu, prod-us]\nwaves:\n  - name: eu\n    cluster: {}\n"
    ),
    "clusters/prod-us.yaml": "labels: {tier: prod}\naccess: {context: prod-us}\naccess: {}\n",
    "apps/web/app.yaml": "images:\n  web: registry.example/web:1.0.0\nvalues:\n  replicas: yes\n",
}


class Repository:
    """A fleet whose pins name a real commit."""

    def __init__(self, directory: Path, files: Mapping[str, str | None]) -> None:
        self.root = directory
        self.commit = git(make_repository(directory, small_fleet(**dict(files))), "rev-parse", "HEAD")
        for environment, version in (("dev", "1.1.0"), ("prod", "1.0.0")):
            self.write(
                {
                    f"environments/{environment}/apps/web.yaml": (
                        f"release:\n  version: {version}\n  revision: {self.commit}\n"
                    )
                }
            )
        commit_all(directory, "pins")

    def write(self, files: Mapping[str, str]) -> None:
        write_files(self.root, files)

    def fleet(self, *arguments: str) -> Invocation:
        return invoke("-C", str(self.root), *arguments, hide=self.root)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop", {})


def test_a_good_fleet(repository: Repository) -> None:
    assert repository.fleet("validate").snapshot == snapshot("""\
exit 0
--- stdout
0 errors, 0 warnings in 2 environments, 3 clusters, 1 app, 3 targets, 3 objects; took 0.0s
""")


def test_all_problems_are_told_at_once_grouped_by_file(repository: Repository) -> None:
    repository.write(BROKEN)
    assert repository.fleet("validate").snapshot == snapshot("""\
exit 1
--- stdout
apps/web/app.yaml
  4:13    error    FLT-CFG-019  `yes` means different things to different YAML readers
          hint: write `true`, `false` or a plain number, or put it in quotes: `"yes"`

clusters/prod-us.yaml
  3:1     error    FLT-CFG-012  the key `access` is already written in line 2

environments/prod/environment.yaml
  1:1     error    FLT-CFG-040  `prod` promotes from `dve`, which is not declared
          hint: did you mean `dev`?
  5:5     error    FLT-CFG-031  the key `waves[0].clusters` is missing
  6:5     error    FLT-CFG-030  unknown key `cluster` in `waves[0]`
          hint: did you mean `clusters`?

5 errors, 0 warnings in 1 environment, 3 clusters, 0 apps, 0 targets, 0 objects; took 0.0s
""")


def test_annotations_for_a_pull_request(repository: Repository) -> None:
    repository.write(BROKEN)
    assert repository.fleet("validate", "-o", "github").snapshot == snapshot("""\
exit 1
--- stdout
::error file=apps/web/app.yaml,line=4,col=13,title=FLT-CFG-019::`yes` means different things to different YAML readers%0Ahint: write `true`, `false` or a plain number, or put it in quotes: `"yes"`
::error file=clusters/prod-us.yaml,line=3,col=1,title=FLT-CFG-012::the key `access` is already written in line 2
::error file=environments/prod/environment.yaml,line=1,col=1,title=FLT-CFG-040::`prod` promotes from `dve`, which is not declared%0Ahint: did you mean `dev`?
::error file=environments/prod/environment.yaml,line=5,col=5,title=FLT-CFG-031::the key `waves[0].clusters` is missing
::error file=environments/prod/environment.yaml,line=6,col=5,title=FLT-CFG-030::unknown key `cluster` in `waves[0]`%0Ahint: did you mean `clusters`?
""")


def test_json_has_code_message_and_place(repository: Repository) -> None:
    repository.write({"clusters/prod-us.yaml": "labels: {tier: prod, region: us}\naccess: {}\n"})
    answer = repository.fleet("validate", "-o", "json")
    document = json.loads(answer.out)
    assert (answer.status, document["schema"], document["ok"]) == (1, "fleet.validate/v1", False)
    assert document["errors"] == snapshot(
        [
            {
                "code": "FLT-CFG-071",
                "message": "`access` names neither a `context` nor a `sandbox` cluster",
                "severity": "error",
                "path": "clusters/prod-us.yaml",
                "line": 2,
                "column": 1,
                "hint": "write `access: {context: NAME}`, with `kubeconfig: PATH` if it is not in the default file",
            }
        ]
    )
    assert document["data"]["errors"] == 1
    assert document["data"]["targets"] == 3


def test_a_commit_is_checked_instead_of_the_files(repository: Repository) -> None:
    repository.write(BROKEN)
    assert repository.fleet("validate", "--revision", "HEAD").status == 0
    commit_all(repository.root, "break it")
    assert repository.fleet("validate", "--revision", "HEAD").status == 1
    assert repository.fleet("validate", "--revision", "HEAD~1").status == 0


def test_warnings_fail_only_a_strict_check(repository: Repository) -> None:
    repository.write(
        {"environments/dev/environment.yaml": "clusters: {names: [dev]}\nvalues: {ratings: {enabled: true}}\n"}
    )
    relaxed = repository.fleet("validate")
    assert relaxed.snapshot == snapshot("""\
exit 0
--- stdout
environments/dev/environment.yaml
  2:20    warning  FLT-CFG-063  `ratings.enabled` is promotable in `web`: a release that carries it wins over the value here
          hint: set it with `fleet release`, so that it is promoted with the app

0 errors, 1 warning in 2 environments, 3 clusters, 1 app, 3 targets, 3 objects; took 0.0s
""")
    assert repository.fleet("validate", "--strict").status == 1


def test_a_template_error_is_found_before_it_is_released(repository: Repository) -> None:
    repository.write({"apps/web/templates/web.yaml.j2": "kind: ConfigMap\nmetadata: {name: {{ values.nothing }}}\n"})
    assert repository.fleet("validate").snapshot == snapshot("""\
exit 1
--- stdout
apps/web/templates/web.yaml.j2
  2       error    FLT-RND-003  `values.nothing` is not defined
          hint: set it in a values layer, or write `| default(…)`

1 error, 0 warnings in 2 environments, 3 clusters, 1 app, 3 targets, 3 objects; took 0.0s
""")


def test_a_plain_secret_is_an_error_that_shows_no_value(repository: Repository) -> None:
    repository.write(
        {
            "apps/web/templates/secret.yaml.j2": (
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\nstringData:\n  password: canary\n"
            )
        }
    )
    answer = repository.fleet("validate")
    assert "canary" not in answer.out + answer.err
    assert answer.snapshot == snapshot("""\
exit 1
--- stdout
apps/web/templates/secret.yaml.j2
  2       error    FLT-SEC-001  `Secret/web/web` holds plain values: `password`
          hint: keep the values out of git: use a SealedSecret, an ExternalSecret or SOPS

1 error, 0 warnings in 2 environments, 3 clusters, 1 app, 3 targets, 3 objects; took 0.0s
""")


def test_a_leak_is_judged_by_the_pinned_revision(repository: Repository) -> None:
    release = f"release:\n  version: 1.0.0\n  revision: {repository.commit}\n  values:\n    replicas: 3\n"
    repository.write({"environments/prod/apps/web.yaml": release})
    assert repository.fleet("validate").snapshot == snapshot("""\
exit 1
--- stdout
environments/prod/apps/web.yaml
  5:5     error    FLT-CFG-062  the release carries `replicas`, which `web` 1.0.0 (COMMIT) does not declare promotable
          hint: move it to `values:`, which a promotion never touches

1 error, 0 warnings in 2 environments, 3 clusters, 1 app, 3 targets, 1 object; took 0.0s
""")


def test_what_an_older_release_declared_is_only_a_warning(repository: Repository) -> None:
    release = f"release:\n  version: 1.0.0\n  revision: {repository.commit}\n  values:\n    ratings.enabled: true\n"
    repository.write(
        {
            "environments/prod/apps/web.yaml": release,
            "apps/web/app.yaml": "namespace: web\nvalues: {replicas: 1, ratings: {enabled: true}}\n",
        }
    )
    answer = repository.fleet("validate")
    assert answer.status == 0
    assert "warning  FLT-CFG-062  the release carries `ratings.enabled`" in answer.out


def test_a_pin_of_a_commit_that_is_not_there(repository: Repository) -> None:
    repository.write({"environments/prod/apps/web.yaml": f"release:\n  version: 1.0.0\n  revision: {'ab' * 20}\n"})
    assert repository.fleet("validate").status == 1


def test_one_environment_is_rendered(repository: Repository) -> None:
    assert repository.fleet("validate", "-e", "prod").snapshot == snapshot("""\
exit 0
--- stdout
0 errors, 0 warnings in 2 environments, 3 clusters, 1 app, 2 targets, 2 objects; took 0.0s
""")
    assert repository.fleet("validate", "-e", "prd").snapshot == snapshot("""\
exit 2
--- stderr
error[FLT-USE-010]: there is no environment `prd`

hint: there is `dev`, `prod`
""")


def test_a_directory_that_is_no_fleet(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "other")
    assert invoke("-C", str(root), "validate", hide=root).snapshot == snapshot("""\
exit 2
--- stdout
fleet.yaml
  -       error    FLT-CFG-002  there is no `fleet.yaml` in DIR
          hint: write a new fleet with `fleet init`, or name the directory of one with `-C PATH`

1 error, 0 warnings in 0 environments, 0 clusters, 0 apps, 0 targets, 0 objects; took 0.0s
""")


def test_schemas_are_listed_and_printed() -> None:
    assert invoke("schema").snapshot == snapshot("""\
exit 0
--- stdout
KIND         FILE
fleet        fleet.yaml
environment  environments/<environment>/environment.yaml
cluster      clusters/<cluster>.yaml
app          apps/<app>/app.yaml
pin          environments/<environment>/apps/<app>.yaml
policy-test  policies/<name>.yaml
""")
    for kind in KINDS:
        assert json.loads(invoke("schema", kind).out) == json_schema(kind)
    assert invoke("schema", "clusterr").snapshot == snapshot("""\
exit 2
--- stderr
error[FLT-USE-001]: there is no kind of file `clusterr`

hint: use one of `fleet`, `environment`, `cluster`, `app`, `pin`, `policy-test`
""")


def test_published_schemas_are_up_to_date() -> None:
    directory = Path(__file__).parents[2] / "docs" / "reference" / "schemas"
    for kind in KINDS:
        assert json.loads((directory / f"{kind}.json").read_text()) == json_schema(kind)
