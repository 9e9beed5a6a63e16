"""`fleet init` as a new user meets it: what it writes works without editing anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from fleet.adapters.config.example import ExampleFleet
from tests.helpers.git import git, make_repository, write_files
from tests.helpers.invocations import Invocation, invoke


def init(directory: Path, *arguments: str) -> Invocation:
    return invoke("init", str(directory / "shop"), *arguments, hide=directory)


def test_what_is_written_is_shown_and_what_comes_next(tmp_path: Path) -> None:
    assert init(tmp_path).snapshot == snapshot("""\
exit 0
--- stdout
DIR/shop
├── apps/
│   └── bookinfo/
│       ├── templates/
│       │   ├── config.yaml.j2
│       │   ├── ingress.yaml.j2
│       │   ├── namespace.yaml.j2
│       │   └── services.yaml.j2
│       └── app.yaml
├── clusters/
│   ├── dev.yaml
│   ├── prod-eu.yaml
│   ├── prod-us.yaml
│   └── staging.yaml
├── environments/
│   ├── dev/
│   │   ├── apps/
│   │   │   └── bookinfo.yaml
│   │   └── environment.yaml
│   ├── prod/
│   │   ├── apps/
│   │   │   └── bookinfo.yaml
│   │   └── environment.yaml
│   └── staging/
│       ├── apps/
│       │   └── bookinfo.yaml
│       └── environment.yaml
├── policies/
│   └── prod.yaml
├── program/
│   └── __main__.py
├── .gitignore
├── Pulumi.yaml
└── fleet.yaml

wrote the fleet `shop`: 20 files in commits COMMIT and COMMIT
--- stderr
→ next: cd DIR/shop
→ next: fleet validate
→ next: fleet sandbox up --no-demo
""")


@pytest.mark.parametrize("template", ["bookinfo", "minimal"])
def test_the_new_fleet_is_valid_and_committed(tmp_path: Path, template: str) -> None:
    assert init(tmp_path, "--template", template).status == 0
    root = tmp_path / "shop"
    assert git(root, "status", "--porcelain") == ""
    first, second = git(root, "log", "--reverse", "--format=%H").splitlines()
    changed = git(root, "diff", "--name-only", first, second).splitlines()
    assert all("/apps/" in path and path.startswith("environments/") for path in changed)
    assert all(first in (root / path).read_text() for path in changed)
    assert "name: shop" in (root / "fleet.yaml").read_text()
    assert (root / ".gitignore").read_text().splitlines()[-1] == ".fleet/"
    answer = invoke("-C", str(root), "validate", "--strict", "--revision", "HEAD")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("0 errors, 0 warnings")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    answer = init(tmp_path, "--dry-run", "--template", "minimal", "--name", "tiny")
    assert answer.snapshot == snapshot("""\
exit 0
--- stdout
DIR/shop
├── apps/
│   └── hello/
│       ├── templates/
│       │   └── hello.yaml.j2
│       └── app.yaml
├── clusters/
│   ├── dev.yaml
│   └── prod.yaml
├── environments/
│   ├── dev/
│   │   ├── apps/
│   │   │   └── hello.yaml
│   │   └── environment.yaml
│   └── prod/
│       ├── apps/
│       │   └── hello.yaml
│       └── environment.yaml
├── policies/
│   └── prod.yaml
├── program/
│   └── __main__.py
├── .gitignore
├── Pulumi.yaml
└── fleet.yaml

would write the fleet `tiny`: 13 files
--- stderr
→ next: the same without `--dry-run`
""")
    assert not (tmp_path / "shop").exists()


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "shop", {"notes.txt": "mine"})
    assert init(tmp_path).snapshot == snapshot("""\
exit 1
--- stderr
error[FLT-INI-001]: `DIR/shop` is not empty: it holds `notes.txt`

hint: choose another directory, or add `--force`: files that are there stay as they are
""")
    assert not (tmp_path / "shop" / ".git").exists()


def test_force_keeps_what_is_there(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "shop", {"notes.txt": "mine", ".gitignore": "*.log\n"})
    write_files(root, {"draft.txt": "not committed"})
    assert init(tmp_path, "--force").status == 0
    assert (root / ".gitignore").read_text().startswith("*.log\n#")
    assert git(root, "status", "--porcelain") == "?? draft.txt"
    assert git(root, "rev-list", "--count", "HEAD") == "3"


def test_force_overwrites_nothing(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "shop", {"fleet.yaml": "name: mine\n"})
    answer = init(tmp_path, "--force")
    assert answer.snapshot == snapshot("""\
exit 1
--- stderr
error[FLT-INI-002]: `DIR/shop` already has `fleet.yaml`, and fleet overwrites nothing

hint: move the old files away first, or choose another directory
""")
    assert (root / "fleet.yaml").read_text() == "name: mine\n"
    assert not (root / "apps").exists()


def test_a_repository_on_another_branch_keeps_it(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "shop")
    git(root, "checkout", "--quiet", "-b", "trunk")
    assert init(tmp_path, "--force").status == 0
    assert '  branch: "trunk"' in (root / "fleet.yaml").read_text()
    assert invoke("-C", str(root), "explain", "bookinfo", "-e", "dev").status == 0


def test_clusters_of_ones_own(tmp_path: Path) -> None:
    answer = init(tmp_path, "--template", "minimal", "--context", "dev=kind: dev", "--context", "prod=arn:aws:x/prod")
    assert answer.err.splitlines()[-1].endswith("next: fleet reconcile")
    root = tmp_path / "shop"
    assert 'context: "kind: dev"' in (root / "clusters/dev.yaml").read_text()
    assert "sandbox: prod" not in (root / "clusters/prod.yaml").read_text()
    assert invoke("-C", str(root), "validate").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--name", "My Fleet"), "`My Fleet` is not a name for a fleet"),
        (("--template", "full"), "there is no template `full`"),
        (("--context", "dev"), "`--context dev` is not of the form CLUSTER=CONTEXT"),
        (("--context", "moon=x"), "the template `bookinfo` has no cluster `moon`"),
    ],
)
def test_wrong_usage_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    answer = init(tmp_path, *arguments)
    assert answer.status == 2
    assert message in answer.err
    assert not (tmp_path / "shop").exists()


def test_json_names_files_and_commits(tmp_path: Path) -> None:
    document = json.loads(init(tmp_path, "-o", "json").out)
    assert document["schema"] == "fleet.init/v1"
    assert len(document["data"]["commits"]) == 2
    assert "fleet.yaml" in document["data"]["files"]


def test_without_an_identity_commits_are_made_by_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    assert init(tmp_path).status == 0
    assert git(tmp_path / "shop", "log", "-1", "--format=%an <%ae>") == "fleet <fleet@localhost>"


def test_the_example_fleet_can_be_written_by_others(tmp_path: Path) -> None:
    ExampleFleet().write(tmp_path / "demo", contexts={"dev": "my-dev"})
    assert git(tmp_path / "demo", "rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert "name: bookinfo" in (tmp_path / "demo" / "fleet.yaml").read_text()
    assert 'context: "my-dev"' in (tmp_path / "demo" / "clusters" / "dev.yaml").read_text()
