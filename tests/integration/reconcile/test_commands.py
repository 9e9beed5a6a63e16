"""The commands as a person calls them: a fleet in git, two real API servers, the real engine."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.kube.clusters import KubeClusters
from fleet.model.declared import AccessSpec, ClusterSpec
from tests.integration.conftest import Kube
from tests.integration.web import delete_namespaces, web_template

TEMPLATE = web_template("registry.example/web:{{ release.version }}")


@dataclass
class Repository:
    """A clone of a fleet, and how to call the command in it."""

    root: Path
    environment: dict[str, str]
    namespace: str

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, files: dict[str, str]) -> None:
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        self.git("push", "-q", "origin", "HEAD:main")

    def pin(self, version: str, environments: tuple[str, ...] = ("dev", "prod")) -> None:
        revision = self.git("rev-parse", "HEAD")
        self.write(
            {
                f"environments/{name}/apps/web.yaml": f"release:\n  version: {version}\n  revision: {revision}\n"
                for name in environments
            }
        )

    def fleet(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "fleet", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.fleet(*arguments, "-o", "json", status=status).stdout)["data"]


@pytest.fixture
def repository(kube: Kube, pulumi_binary: Path, tmp_path: Path) -> Iterator[Repository]:
    namespace = f"cmd-{secrets.token_hex(3)}"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], check=True)
    subprocess.run(["git", "clone", "-q", str(tmp_path / "origin"), str(tmp_path / "clone")], check=True)
    found = Repository(tmp_path / "clone", {**os.environ, "FLEET_TOOL_PULUMI": str(pulumi_binary)}, namespace)
    access = {
        name: f"labels: {{tier: {tier}}}\naccess: {{context: {context}, kubeconfig: {kube.kubeconfig}}}\n"
        for name, tier, context in (("dev", "dev", kube.contexts[0]), ("eu", "prod", kube.contexts[1]))
    }
    found.write(
        {
            "fleet.yaml": f"name: {namespace}\nengine: {{timeout: 60s}}\n",
            "environments/dev/environment.yaml": "clusters: {names: [dev]}\n",
            "environments/prod/environment.yaml": "promotesFrom: dev\nclusters: {names: [eu]}\nvalues: {replicas: 2}\n",
            **{f"clusters/{name}.yaml": text for name, text in access.items()},
            "apps/web/app.yaml": f"namespace: {namespace}\nvalues: {{replicas: 1}}\n",
            "apps/web/templates/web.yaml.j2": TEMPLATE,
        }
    )
    found.pin("1.0.0")
    yield found
    clusters = KubeClusters(Path("none"), tmp_path, os.environ)
    delete_namespaces(kube, clusters, [namespace, *(f"{namespace}-api-{n}" for n in range(4))])
    clusters.close()


def edit(repository: Repository, kube: Kube, replicas: int) -> None:
    """Scale the Deployment in prod as a person would."""
    clusters = KubeClusters(Path("none"), repository.root, os.environ)
    spec = ClusterSpec(access=AccessSpec(context=kube.contexts[1], kubeconfig=str(kube.kubeconfig)))
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": repository.namespace},
        "spec": {"replicas": replicas},
    }
    clusters.writer("eu", spec).apply(manifest, manager="kubectl-scale", force=True)
    clusters.close()


def test_a_day_with_a_fleet(repository: Repository, kube: Kube) -> None:
    fleet = repository.fleet
    before = fleet("status")
    assert "0/1 healthy, 1 pending" in before.stdout
    assert "next: fleet reconcile -e dev" in before.stderr

    assert "2 targets: web/dev/dev, web/prod/eu  (2 added)" in fleet("diff", "--short").stdout
    assert "added" in fleet("diff", "--short", "--exit-code", status=3).stdout
    dry = fleet("reconcile", "--dry-run")
    assert "dry run: nothing was changed" in dry.stdout
    assert "nothing is recorded" in fleet("drift").stderr

    refused = fleet("reconcile", status=2)
    assert "hint: add `--yes`" in refused.stderr

    run = repository.json("reconcile", "--yes")
    assert [r["outcome"] for r in run["results"]] == ["applied", "applied"]
    again = fleet("reconcile")
    assert again.stdout == "nothing to do: 2 targets up to date\n"
    assert "no drift on 2 targets" in fleet("drift").stdout
    assert "2 targets without a difference" in fleet("diff").stdout

    edit(repository, kube, 5)
    drift = fleet("drift", "--exit-code", status=3)
    assert "spec.replicas: 2 → 5   by kubectl-scale at 20" in drift.stdout
    assert "next: overwrite it with `fleet reconcile`" in drift.stderr
    assert "spec.replicas: 5 → 2" in fleet("diff", "-e", "prod").stdout
    assert "next: fleet drift -e prod" in fleet("status").stderr
    mended = repository.json("reconcile", "--yes")
    assert [(r["outcome"], r["reason"]) for r in mended["results"]] == [
        ("unchanged", "up to date"),
        ("applied", "1 object drifted"),
    ]

    repository.pin("1.1.0", ("dev",))
    assert "release 1.0.0 → 1.1.0" in fleet("reconcile", "-n").stdout
    fleet("reconcile", "-y")
    status = fleet("status")
    assert re.search(r"^dev +web +1\.1\.0 \(\w{7}\) +1 +1/1 healthy +0 +-$", status.stdout, re.MULTILINE)
    assert "next: fleet promote web --to prod" in status.stderr


def test_an_unknown_name_is_a_usage_error_with_a_hint(repository: Repository) -> None:
    done = repository.fleet("reconcile", "-e", "prd", status=2)
    assert done.stderr == (
        "error[FLT-USE-010]: there is no environment `prd`\n"
        "\n"
        "hint: did you mean `prod`? list them with `fleet status`\n"
    )


def test_what_cannot_be_rendered_fails_only_its_own_targets(repository: Repository) -> None:
    repository.write({"apps/web/templates/web.yaml.j2": "kind: {{ nothing.here }}\n"})
    repository.pin("1.2.0", ("dev",))
    run = repository.json("reconcile", "--yes", status=1)
    assert [r["outcome"] for r in run["results"]] == ["invalid", "applied"]
    assert run["results"][0]["problems"][0]["location"]["path"] == "apps/web/templates/web.yaml.j2"
    text = repository.fleet("reconcile", "--yes", status=1)
    assert "apps/web/templates/web.yaml.j2:1" in text.stderr


def test_clusters_that_cannot_be_reached_are_unknown_with_the_reason(repository: Repository, tmp_path: Path) -> None:
    kubeconfig = repository.root / "clusters/eu.yaml"
    broken = tmp_path / "broken"
    path = re.search(r"kubeconfig: (\S+)}", kubeconfig.read_text())
    assert path
    broken.write_text(re.sub(r"server: \S+", "server: https://127.0.0.1:9", Path(path[1]).read_text()))
    repository.write({"clusters/eu.yaml": kubeconfig.read_text().replace(path[1], str(broken))})
    status = repository.fleet("status")
    assert "0/1 healthy, 1 unknown" in status.stdout
    assert "`eu` is unknown: cluster `eu` cannot be reached" in status.stderr
    run = repository.json("reconcile", "--yes", status=1)
    assert [r["outcome"] for r in run["results"]] == ["applied", "unreachable"]
    assert repository.json("reconcile", "--yes", "-c", "eu", status=5)["results"][0]["hint"]
    repository.fleet("status", "-e", "prod", status=5)
    assert "`eu` is not known" in repository.fleet("diff").stderr


def test_the_first_interrupt_finishes_what_runs_and_the_next_run_goes_on(repository: Repository) -> None:
    template = repository.root / "apps/web/templates/web.yaml.j2"
    apps = [f"api-{n}" for n in range(4)]
    for app in apps:
        files = {
            f"apps/{app}/app.yaml": f"namespace: {repository.namespace}-{app}\nvalues: {{replicas: 1}}\n",
            f"apps/{app}/templates/web.yaml.j2": template.read_text(),
        }
        repository.write(files)
    pin = f"release:\n  version: 1.0.0\n  revision: {repository.git('rev-parse', 'HEAD')}\n"
    repository.write({f"environments/{name}/apps/{app}.yaml": pin for name in ("dev", "prod") for app in apps})
    run = subprocess.Popen(
        [sys.executable, "-m", "fleet", "reconcile", "--yes", "--parallel", "1"],
        cwd=repository.root,
        env=repository.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stderr is not None
    first = run.stderr.readline()
    assert "api-0/dev/dev  applied" in first
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to the command and all of its children
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, out + err
    # How far it came meanwhile depends on the machine; that the numbers agree does not.
    stopping = re.search(r"stopping: (\d+) running to finish, (\d+) not started", err)
    assert stopping, err
    running, held = int(stopping[1]), int(stopping[2])
    assert running <= 1
    assert 1 <= held < 10
    assert f"{10 - held} applied, {held} blocked" in out
    assert "next: fleet reconcile" in err
    rest = repository.json("reconcile", "--yes")
    outcomes = [r["outcome"] for r in rest["results"]]
    assert (outcomes.count("unchanged"), outcomes.count("applied")) == (10 - held, held)
